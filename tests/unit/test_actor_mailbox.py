"""Mailboxes: bounded, in order, counted, and nothing is lost by a cancellation at the worst instant."""

from __future__ import annotations

import asyncio
import warnings

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from eventsrc.actor import Mailbox
from eventsrc.errors import QueueFull


async def test_items_come_out_in_the_order_in_which_they_went_in() -> None:
    box: Mailbox[int] = Mailbox("box", 4)
    for number in range(4):
        await box.send(number)
    assert [await box.receive() for _ in range(4)] == [0, 1, 2, 3]


async def test_a_full_mailbox_makes_its_sender_wait_until_something_is_taken() -> None:
    box: Mailbox[int] = Mailbox("box", 1)
    await box.send(1)
    async with anyio.create_task_group() as group:
        group.start_soon(box.send, 2)
        await wait_all_tasks_blocked()
        assert (box.stats().waiting, box.stats().blocked) == (1, 1)
        assert await box.receive() == 1
    assert await box.receive() == 2
    assert box.stats().blocked == 0


async def test_weight_bounds_a_mailbox_as_much_as_the_number_of_items() -> None:
    box: Mailbox[bytes] = Mailbox("box", 100, len, weight=10)
    box.send_nowait(b"x" * 6)
    with pytest.raises(QueueFull, match="queue of box is full"):
        box.send_nowait(b"x" * 5)
    box.send_nowait(b"x" * 4)
    assert box.stats().waiting_weight == 10


async def test_an_item_heavier_than_the_whole_mailbox_travels_alone() -> None:
    box: Mailbox[bytes] = Mailbox("box", 100, len, weight=10)
    box.send_nowait(b"x" * 50)
    with pytest.raises(QueueFull):
        box.send_nowait(b"x")
    assert len(await box.receive()) == 50
    assert box.stats().waiting_weight == 0


async def test_a_heavy_item_is_not_overtaken_by_light_ones() -> None:
    box: Mailbox[bytes] = Mailbox("box", 100, len, weight=10)
    box.send_nowait(b"x" * 8)
    async with anyio.create_task_group() as group:
        group.start_soon(box.send, b"y" * 9)
        await wait_all_tasks_blocked()
        group.start_soon(box.send, b"z")
        await wait_all_tasks_blocked()
        with pytest.raises(QueueFull):
            box.send_nowait(b"w")
        assert box.stats().blocked == 2
        assert await box.receive() == b"x" * 8
    assert await box.drain(10, 100) == [b"y" * 9, b"z"]


async def test_a_drain_takes_all_that_is_there_up_to_both_budgets() -> None:
    box: Mailbox[bytes] = Mailbox("box", 100, len)
    for size in (3, 3, 3, 9, 1):
        box.send_nowait(b"x" * size)
    assert [len(item) for item in await box.drain(2, 100)] == [3, 3]
    assert [len(item) for item in await box.drain(10, 4)] == [3]
    assert [len(item) for item in await box.drain(10, 4)] == [9]  # heavier than the budget: alone
    assert [len(item) for item in await box.drain(10, 4)] == [1]


async def test_the_end_comes_after_what_was_sent_before_it() -> None:
    box: Mailbox[int] = Mailbox("box")
    box.send_nowait(1)
    box.close()
    box.close()
    assert await box.drain(10, 10) == [1]
    with pytest.raises(anyio.EndOfStream):
        await box.receive()
    with pytest.raises(anyio.ClosedResourceError):
        await box.send(2)


async def test_the_end_wakes_a_receiver_that_waits() -> None:
    box: Mailbox[int] = Mailbox("box")
    ended = anyio.Event()

    async def receive() -> None:
        with pytest.raises(anyio.EndOfStream):
            await box.receive()
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(receive)
        await wait_all_tasks_blocked()
        box.close()
    assert ended.is_set()


async def test_the_end_comes_only_after_the_last_sender_has_closed() -> None:
    box: Mailbox[int] = Mailbox("box")
    one, two = box.sender(), box.sender()
    box.close()
    with one:
        await one.send(1)
    assert box.stats().senders == 1  # the one that somebody still holds
    two.send_nowait(2)
    two.close()
    assert await box.drain(10, 10) == [1, 2]
    with pytest.raises(anyio.EndOfStream):
        await box.receive()


async def test_a_forgotten_sender_can_be_seen_and_warns_when_it_vanishes() -> None:
    box: Mailbox[int] = Mailbox("box")
    forgotten = box.sender()
    box.close()
    assert box.stats().senders == 1
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del forgotten
    assert [warning.category for warning in seen] == [ResourceWarning]


@pytest.mark.parametrize("steps", range(6))
async def test_a_receive_cancelled_natively_at_any_step_loses_nothing(steps: int) -> None:
    """`Task.cancel` after the hand-off is what loses an item in a plain memory channel."""
    box: Mailbox[int] = Mailbox("box")
    task = asyncio.create_task(box.receive())
    await wait_all_tasks_blocked()
    box.send_nowait(7)
    for _ in range(steps):
        await checkpoint()
    was_done = task.done()
    task.cancel()
    try:
        taken = [await task]
    except asyncio.CancelledError:
        taken = []
    assert was_done or not taken
    left = await box.drain(10, 10) if box.stats().waiting else []
    assert taken + left == [7]


@pytest.mark.parametrize("steps", range(6))
async def test_a_send_cancelled_natively_at_any_step_was_either_sent_or_not(steps: int) -> None:
    box: Mailbox[int] = Mailbox("box", 1)
    box.send_nowait(1)
    task = asyncio.create_task(box.send(2))
    await wait_all_tasks_blocked()
    assert await box.receive() == 1
    for _ in range(steps):
        await checkpoint()
    task.cancel()
    try:
        await task
        sent = True
    except asyncio.CancelledError:
        sent = False
    assert box.stats().waiting == int(sent)
    box.send_nowait(3) if not sent else None  # nothing is left locked behind a cancelled sender
    assert await box.receive() == (2 if sent else 3)


async def test_a_busy_mailbox_lets_other_tasks_run() -> None:
    box: Mailbox[int] = Mailbox("box", 1000)
    for number in range(1000):
        box.send_nowait(number)
    box.close()
    turns = 0

    async def bystander(scope: anyio.CancelScope) -> None:
        nonlocal turns
        with scope:
            while True:
                turns += 1
                await checkpoint()

    async with anyio.create_task_group() as group:
        scope = anyio.CancelScope()
        group.start_soon(bystander, scope)
        with pytest.raises(anyio.EndOfStream):
            while True:
                await box.receive()
        scope.cancel()
    assert turns > 100


async def test_statistics_tell_what_came_what_went_and_when() -> None:
    class Wall:
        def now(self) -> float:
            return 42.0

        def monotonic(self) -> float:
            return 0.0

    box: Mailbox[bytes] = Mailbox("box", 3, len, weight=99, clock=Wall())
    assert (box.stats().last_in, box.stats().last_out) == (None, None)
    box.send_nowait(b"abc")
    box.send_nowait(b"de")
    await box.receive()
    stats = box.stats()
    assert (stats.in_total, stats.out_total, stats.waiting, stats.waiting_weight) == (2, 1, 1, 2)
    assert (stats.last_in, stats.last_out, stats.capacity, stats.capacity_weight, stats.senders) == (42, 42, 3, 99, 1)
