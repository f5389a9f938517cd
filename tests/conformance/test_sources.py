"""What every kind of source must do, whatever it reads from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from eventsrc.actor import Ticket
from eventsrc.errors import LogFailed, UsageError
from eventsrc.event import Appended, Record
from eventsrc.source.catalogue import KINDS, make
from eventsrc.source.folder import Follow
from eventsrc.source.port import Cursors, Source
from eventsrc.source.stdin import Stdin
from tests.conformance.follower import Memory

Build: TypeAlias = Callable[[Path, Cursors], Source]

BUILDS: dict[str, Build] = {
    "folder": lambda path, cursors: Follow([path], cursors, once=True),
    "stdin": lambda path, cursors: Stdin("run", os.open(path, os.O_RDONLY | os.O_CLOEXEC)),
}


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> Build:
    return BUILDS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n2\r\n\n3\n")
    return path


def test_every_kind_in_the_catalogue_is_held_to_this() -> None:
    assert set(KINDS) == set(BUILDS)
    with pytest.raises(UsageError, match="folder, stdin"):
        make("carrier pigeon", "x", Memory().cursor)


async def test_records_arrive_once_in_order_byte_for_byte(build: Build, path: Path) -> None:
    log = Memory()
    source = build(path, log.cursor)
    assert isinstance(source, Source)
    await source.run(log.deliver)
    assert log.lines == [b"1", b"2\r", b"3"]
    log.check()


async def test_run_ends_only_when_everything_is_durable(build: Build, path: Path) -> None:
    log, ended = Memory(), False
    tickets: list[Ticket[Appended]] = []

    async def deliver(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        tickets.append(Ticket())
        return tickets[-1]

    async def run() -> None:
        nonlocal ended
        await build(path, log.cursor).run(deliver)
        ended = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        with anyio.fail_after(5):
            while not tickets:  # noqa: ASYNC110 - reading happens on a thread
                await anyio.sleep(0.001)
        await anyio.wait_all_tasks_blocked()
        assert not ended
        tickets[0].set(Appended((1, 2, 3)))
    assert ended


async def test_what_the_log_raises_leaves_run(build: Build, path: Path) -> None:
    log = Memory()
    log.refuse = lambda number: LogFailed(operation="sync", path="x", reason="gone")
    with pytest.raises(LogFailed):
        await build(path, log.cursor).run(log.deliver)


async def test_ids_are_the_same_when_the_same_is_read_again(build: Build, path: Path) -> None:
    first, second = Memory(), Memory()
    await build(path, first.cursor).run(first.deliver)
    await build(path, second.cursor).run(second.deliver)
    assert [record.id for record in first.records] == [record.id for record in second.records]


async def test_positions_are_told_at_any_time(build: Build, path: Path) -> None:
    log = Memory()
    source = build(path, log.cursor)
    source.positions()
    await source.run(log.deliver)
    assert [position.behind_bytes for position in source.positions()] == [0]
