"""Crashes, full disks and slow consumers: no loss, no duplicate, bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from eventsrc import limits
from eventsrc.actor import Ticket
from eventsrc.errors import DiskFull, LogFailed
from eventsrc.event import Appended, Record
from eventsrc.source.folder import Follow
from tests.conformance.follower import Memory, append, eventually, following, log_is_quiet, numbered, read_once, rotate


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


# --- 13. killed ----------------------------------------------------------------------------------------------------


async def test_killed_before_or_after_any_batch_nothing_is_lost_or_doubled(
    path: Path, log: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventsrc.source.step.BATCH_BYTES", 40)
    append(path, *numbered(1, 9), b"", *numbered(10, 200))
    for rounds in range(1, 200):  # noqa: B007 - asserted below
        log.refuse = lambda number: LogFailed(operation="sync", path="x", reason="killed")
        source = Follow([path], log.cursor, once=True)
        with pytest.raises(LogFailed):
            await source.run(log.deliver)  # nothing was durable
        log.refuse, log.lost_answers = (lambda number: None), True
        with anyio.move_on_after(0.005):  # durable, but the answer is lost: killed while waiting for it
            await Follow([path], log.cursor, once=True).run(log.deliver)
        log.lost_answers = False
        log.check()
        assert log.lines == numbered(1, 200)[: len(log.lines)]
        if len(log.lines) == 200:
            break
    assert len(log.lines) == 200
    assert rounds > 5, "it was killed between many batches"


async def test_a_second_run_of_the_same_source_waits_for_what_is_on_its_way(path: Path, log: Memory) -> None:
    accepted: list[tuple[Sequence[Record], Ticket[Appended]]] = []

    async def accept(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        accepted.append((records, Ticket()))
        return accepted[-1][1]

    append(path, *numbered(1, 5))
    source = Follow([path], log.cursor, once=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, accept)
        await eventually(lambda: len(accepted) == 1)
        tasks.cancel_scope.cancel()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, log.deliver)
        await anyio.wait_all_tasks_blocked()
        records, ticket = accepted[0]
        await log.deliver(records)  # the queue of the first run reaches the disk only now
        ticket.set(Appended((1, 2, 3, 4, 5)))
    log.check()
    assert log.lines == numbered(1, 5)


async def test_a_full_disk_is_waited_for(path: Path, log: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.source.outbox.DISK_FULL_RETRY_SECONDS", 0.01)
    log.refuse = lambda number: DiskFull(path="x", reason="full") if number in (1, 2) else None
    append(path, *numbered(1, 5))
    await read_once(log, path)
    assert log.lines == numbered(1, 5)


@pytest.mark.parametrize("refused", [{1}, {2}, {2, 3}, {3, 9}, set(range(2, 30, 3))])
async def test_what_follows_a_refused_batch_is_refused_with_it_and_comes_again_in_order(
    path: Path, log: Memory, refused: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventsrc.source.outbox.DISK_FULL_RETRY_SECONDS", 0.001)
    monkeypatch.setattr("eventsrc.source.step.BATCH_BYTES", 40)
    log.late = True  # answers come one turn later, so that several batches are on their way
    log.refuse = lambda number: DiskFull(path="x", reason="full") if number in refused else None
    append(path, *numbered(1, 80))
    await read_once(log, path)
    assert log.lines == numbered(1, 80)
    assert log.flying_most > 1


async def test_what_the_log_raises_is_never_taken_for_trouble_with_a_file(path: Path, log: Memory) -> None:
    async def broken(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        raise TimeoutError("the log does not answer")

    append(path, *numbered(1, 5))
    with pytest.raises(TimeoutError):
        await Follow([path], log.cursor, once=True).run(broken)


# --- 14. a slow consumer -------------------------------------------------------------------------------------------


async def test_a_slow_consumer_makes_the_reader_wait_also_while_the_file_rotates(path: Path, log: Memory) -> None:
    line = b'"%s"' % (b"x" * 1000)
    append(path, *[line] * 5_000)
    log.gate = anyio.Event()
    async with following(log, path) as source:
        await eventually(lambda: log.waiting > 0)
        await log_is_quiet(source)
        rotate(path)
        append(path, *numbered(1, 3))
        await log_is_quiet(source)
        assert log.waiting == 1
        assert source.work.bytes_read <= 2 * limits.BATCH_BYTES, "one batch waits, one block is read ahead"
        log.gate.set()
        await log.until_lines(5_003)
    assert log.lines == [line] * 5_000 + numbered(1, 3)


async def test_files_take_turns(tmp_path: Path, log: Memory) -> None:
    line = b'"%s"' % (b"x" * 1000)
    for name in "abcdefgh":
        append(tmp_path / f"{name}.jsonl", *[line] * 6_000)
    append(tmp_path / "z.jsonl", b'"small"')
    await read_once(log, tmp_path)
    place = next(index for index, record in enumerate(log.records) if record.data == b'"small"')
    assert place < len(log.records) / 2, "a small file does not wait for large ones to end"


async def test_a_followed_line_is_handed_over_soon(tmp_path: Path, log: Memory) -> None:
    path = tmp_path / "a.jsonl"
    append(path, *numbered(1, 1))
    source = Follow([tmp_path], log.cursor)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, log.deliver)
        await log.until_lines(1)
        await eventually(lambda: source.watching)
        append(path, *numbered(2, 2))
        await log.until(lambda log: len(log.lines) == 2, limits.LOOK_SECONDS / 2)
        (tmp_path / "new").mkdir()
        append(tmp_path / "new" / "b.jsonl", *numbered(3, 3))
        await log.until(lambda log: len(log.lines) == 3, limits.LOOK_SECONDS / 2)
        source.stop()
