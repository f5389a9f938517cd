"""Tickets and watermarks: answers and nudges."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from eventsrc.actor import Ticket, Watermark
from eventsrc.errors import DiskFull


async def test_every_waiter_hears_the_answer_before_and_after_it_came() -> None:
    ticket: Ticket[int] = Ticket()
    heard: list[int] = []

    async def wait() -> None:
        heard.append(await ticket.wait())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        group.start_soon(wait)
        await wait_all_tasks_blocked()
        assert not ticket.done
        ticket.set(3)
    await wait()
    assert heard == [3, 3, 3]


async def test_a_failed_ticket_raises_what_went_wrong() -> None:
    ticket: Ticket[None] = Ticket()
    ticket.fail(DiskFull(path="log", reason="no space"))
    with pytest.raises(DiskFull, match="no room to write log"):
        await ticket.wait()


async def test_a_ticket_is_answered_only_once() -> None:
    ticket: Ticket[int] = Ticket()
    ticket.set(1)
    with pytest.raises(AssertionError, match="answered once"):
        ticket.fail(ValueError())


async def test_a_cancelled_waiter_leaves_the_ticket_to_the_others() -> None:
    ticket: Ticket[int] = Ticket()
    with anyio.move_on_after(0):
        await ticket.wait()
    ticket.set(5)
    assert await ticket.wait() == 5


@pytest.mark.parametrize("natively", [True, False])
async def test_a_waiter_cancelled_just_before_the_answer_takes_nothing_from_the_others(natively: bool) -> None:
    ticket: Ticket[int] = Ticket()
    heard: list[int] = []

    async def wait() -> None:
        heard.append(await ticket.wait())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        given_up = asyncio.create_task(_wait_within(scope := anyio.CancelScope(), ticket))
        group.start_soon(wait)
        await wait_all_tasks_blocked()
        if natively:
            given_up.cancel()
        else:
            scope.cancel()
        ticket.set(7)  # before the one that is cancelled has run
    with contextlib.suppress(asyncio.CancelledError):
        await given_up
    assert given_up.cancelled() == natively
    assert heard == [7, 7]


async def _wait_within(scope: anyio.CancelScope, ticket: Ticket[int]) -> None:
    with scope:
        await ticket.wait()


async def test_those_who_gave_up_are_forgotten() -> None:
    ticket: Ticket[object] = Ticket()
    for _ in range(3):
        with anyio.move_on_after(0):
            await ticket.wait()
    futures = [one for one in gc.get_referents(*gc.get_referents(ticket)) if isinstance(one, asyncio.Future)]
    assert futures == [], "a ticket that is asked again and again would grow"


async def test_a_watermark_wakes_those_who_wait_for_more() -> None:
    mark = Watermark(5)
    assert await mark.beyond(4) == 5
    seen: list[int] = []

    async def wait(position: int) -> None:
        seen.append(await mark.beyond(position))

    async with anyio.create_task_group() as group:
        group.start_soon(wait, 5)
        group.start_soon(wait, 7)
        await wait_all_tasks_blocked()
        mark.advance(7)
        await wait_all_tasks_blocked()
        assert seen == [7]
        mark.advance(9)
    assert seen == [7, 9]


async def test_a_watermark_never_goes_back() -> None:
    mark = Watermark(5)
    mark.advance(5)
    with pytest.raises(AssertionError, match="never goes back: 5 -> 4"):
        mark.advance(4)


async def test_a_closed_watermark_lets_waiters_finish_and_then_end() -> None:
    mark = Watermark(5)
    ended = anyio.Event()

    async def follow() -> None:
        position = 3
        with pytest.raises(anyio.EndOfStream):
            while True:
                position = await mark.beyond(position)
        assert position == 5
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await wait_all_tasks_blocked()
        mark.close()
    assert ended.is_set() and mark.closed
