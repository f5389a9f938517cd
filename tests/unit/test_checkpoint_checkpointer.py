"""The actor: on request, from time to time, at the end, and given up when there is no time left."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.checkpoint import LogDigest, Meta, Policy
from eventsrc.checkpoint.checkpointer import Checkpointer, Request, Rhythm
from eventsrc.checkpoint.create import create
from eventsrc.errors import DiskFull, UsageError
from tests.unit.checkpoint_kit import FailingDisk, MemoryLog, grow, place_of


class Made:
    """Hears of every checkpoint."""

    def __init__(self) -> None:
        self.all: list[Meta] = []
        self._more = anyio.Event()

    def __call__(self, meta: Meta) -> None:
        self.all.append(meta)
        self._more.set()
        self._more = anyio.Event()

    async def reach(self, count: int) -> None:
        with anyio.fail_after(10):
            while len(self.all) < count:
                await self._more.wait()


@asynccontextmanager
async def running(actor: Checkpointer, mailbox: Mailbox[Request]) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(actor.run)
        yield
        mailbox.close()


async def test_who_asks_gets_the_checkpoint(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 3).close()
    mailbox = Mailbox[Request]("checkpointer")
    actor = Checkpointer(place_of(tmp_path, MemoryLog(3)), mailbox, lambda: 3, Rhythm(every=0, at_end=False))
    async with running(actor, mailbox):
        ticket = Ticket[Meta]()
        await mailbox.send(Request("mine", ticket))
        meta = await ticket.wait()
        assert (meta.label, meta.position, meta.automatic) == ("mine", 3, False)
        wrong = Ticket[Meta]()
        await mailbox.send(Request("latest", wrong))
        with pytest.raises(UsageError):
            await wrong.wait()


async def test_from_time_to_time_one_is_made_when_something_happened(tmp_path: Path) -> None:
    log, made, mailbox = MemoryLog(1), Made(), Mailbox[Request]("checkpointer")
    place = place_of(tmp_path, log)
    rhythm = Rhythm(every=0.01, at_end=False, policy=Policy(last=2))
    actor = Checkpointer(place, mailbox, lambda: len(log.events), rhythm, made)
    async with running(actor, mailbox):
        for count in range(1, 5):
            await made.reach(count)
            assert len(made.all) == count  # nothing happened since, so there was no further one
            log.events.append("x")
        await made.reach(5)
    assert [meta.position for meta in place.shelf.all()] == [5, 4]
    assert all(meta.automatic for meta in place.shelf.all())


async def test_at_the_end_one_is_made_when_something_happened(tmp_path: Path) -> None:
    log = MemoryLog(2)
    place = place_of(tmp_path, log)
    for expected in ([2], [2], [3, 2]):
        if expected == [3, 2]:
            log.events.append("x")
        mailbox = Mailbox[Request]("checkpointer")
        async with running(Checkpointer(place, mailbox, lambda: len(log.events), Rhythm(every=0)), mailbox):
            pass
        assert [meta.position for meta in place.shelf.all()] == expected


async def test_an_automatic_one_that_fails_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, mailbox = Made(), Mailbox[Request]("checkpointer")
    disk = FailingDisk(3, error=28)
    place = place_of(tmp_path, MemoryLog(1), disk)
    async with running(Checkpointer(place, mailbox, lambda: 1, Rhythm(every=0.01), made), mailbox):
        await made.reach(1)
    assert "There is no room to write" in caplog.text


async def test_who_asks_hears_of_a_failure_and_the_actor_goes_on(tmp_path: Path) -> None:
    mailbox = Mailbox[Request]("checkpointer")
    place = place_of(tmp_path, MemoryLog(1), FailingDisk(3, error=28))
    async with running(Checkpointer(place, mailbox, lambda: 1, Rhythm(every=0)), mailbox):
        first, second = Ticket[Meta](), Ticket[Meta]()
        await mailbox.send(Request(None, first))
        with pytest.raises(DiskFull):
            await first.wait()
        await mailbox.send(Request(None, second))
        assert (await second.wait()).position == 1


async def test_leftovers_are_swept_at_the_start(tmp_path: Path) -> None:
    left = tmp_path / "checkpoints/.tmp-building-1"
    left.mkdir(parents=True)
    mailbox = Mailbox[Request]("checkpointer")
    async with running(Checkpointer(place_of(tmp_path, MemoryLog(0)), mailbox, lambda: 0), mailbox):
        pass
    assert not left.exists()


async def test_a_cancelled_actor_gives_up_the_checkpoint_under_way(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 1).close()
    grow(tmp_path, "search", 1).close()
    working, go_on = threading.Event(), threading.Event()

    class SlowDisk(FailingDisk):
        def sync(self, fd: int) -> None:
            working.set()
            assert go_on.wait(10)
            super().sync(fd)

    mailbox = Mailbox[Request]("checkpointer")
    place = place_of(tmp_path, MemoryLog(1), SlowDisk())
    actor = Checkpointer(place, mailbox, lambda: 1, Rhythm(every=0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(actor.run)
        await mailbox.send(Request(None, Ticket[Meta]()))
        assert await anyio.to_thread.run_sync(working.wait, 10)
        tasks.cancel_scope.cancel()
        while not actor._giving_up:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
        go_on.set()
    assert place.shelf.all() == []
    assert not list(place.shelf.directory.iterdir())
    mailbox.close()


async def test_what_is_asked_for_at_the_same_time_is_made_one_after_the_other(tmp_path: Path) -> None:
    class CountingLog(MemoryLog):
        inside = 0

        def digest(self) -> LogDigest:
            self.inside += 1
            assert self.inside == 1
            try:
                return super().digest()
            finally:
                self.inside -= 1

    mailbox = Mailbox[Request]("checkpointer")
    place = place_of(tmp_path, CountingLog(1))
    tickets = [Ticket[Meta]() for _ in range(3)]
    async with running(Checkpointer(place, mailbox, lambda: 1, Rhythm(every=0)), mailbox):
        for ticket in tickets:
            await mailbox.send(Request(None, ticket))
        assert len({(await ticket.wait()).id for ticket in tickets}) == 3
    assert create(place).position == 1
