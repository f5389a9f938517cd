"""Standard input as a source."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from eventsrc import limits
from eventsrc.source.stdin import Stdin
from tests.conformance.follower import Memory, eventually


@pytest.fixture
def pipe() -> Iterator[tuple[int, list[int]]]:
    """The reading end, and a list with the writing end as long as it is open."""
    reading, writing = os.pipe()
    ends = [writing]
    yield reading, ends
    os.close(reading)
    for end in ends:
        os.close(end)


@contextlib.contextmanager
def content(folder: Path, data: bytes) -> Iterator[int]:
    """A descriptor as `< file` gives it."""
    (folder / "in").write_bytes(data)
    with (folder / "in").open("rb") as file:
        yield file.fileno()


async def test_lines_arrive_while_the_producer_goes_on(pipe: tuple[int, list[int]]) -> None:
    reading, ends = pipe
    log = Memory()
    source = Stdin("run", reading)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, log.deliver)
        os.write(ends[0], b"1\n2\nhalf")
        await log.until_lines(2)
        os.write(ends[0], b" done\n\n")
        await log.until_lines(3)
        os.write(ends[0], b"last")
        os.close(ends.pop())
    assert log.lines == [b"1", b"2", b"half done", b"last"]
    assert (source.report.read, source.report.blank) == (4, 1)


async def test_waiting_for_input_can_be_cancelled(pipe: tuple[int, list[int]]) -> None:
    log = Memory()
    with anyio.move_on_after(0.01) as scope:
        await Stdin("run", pipe[0]).run(log.deliver)
    assert scope.cancelled_caught


async def test_the_same_input_with_the_same_run_id_is_recognised(tmp_path: Path) -> None:
    log = Memory()
    for _ in range(2):
        with content(tmp_path, b"1\n2\n") as fd:
            await Stdin("same", fd).run(log.deliver)
    assert log.lines == [b"1", b"2"]


async def test_a_line_beyond_the_limit_leaves_a_stub(tmp_path: Path) -> None:
    log = Memory()
    with content(tmp_path, b"1\n" + b"x" * (limits.RECORD_BYTES + 1) + b"\n2\n") as fd:
        source = Stdin("run", fd)
        await source.run(log.deliver)
    assert log.lines == [b"1", b"2"]
    assert log.notice("oversize")["length"] == limits.RECORD_BYTES + 1
    assert source.report.oversize == 1


async def test_a_slow_log_stops_the_reading(pipe: tuple[int, list[int]]) -> None:
    reading, ends = pipe
    log = Memory()
    log.gate = anyio.Event()
    os.set_blocking(ends[0], False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Stdin("run", reading).run, log.deliver)
        os.write(ends[0], b"1\n")
        await eventually(lambda: log.waiting == 1)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(ends[0], b"2\n" * 1000)
        log.gate.set()
        os.close(ends.pop())
    assert log.lines[0] == b"1"
    assert set(log.lines[1:]) == {b"2"}
