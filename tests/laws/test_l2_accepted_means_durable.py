"""L2: a producer hears "accepted" only after its events are durable, the segment's name included."""

from __future__ import annotations

import random
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import LogFailed
from eventsrc.event import Appended
from eventsrc.log.writer import Append, LogWriter
from eventsrc.testing.disk import Crash, FaultyDisk, ForgetfulDisk
from tests.laws.log_kit import append, batch, forget_index, opened, texts


@pytest.mark.parametrize("how", ["lost", "torn", "zeros"])
def test_what_was_acknowledged_survives_a_power_failure_at_every_durable_operation(tmp_path: Path, how: str) -> None:
    """Appends, seals and opens again; the machine stops before the n-th operation, for every n."""
    count = _run(tmp_path / "count", 0, how)[1]
    assert count > 60
    for stop in range(1, count + 1):
        data = tmp_path / str(stop)
        acknowledged, _ = _run(data, stop, how)
        forget_index(data)  # what it knows is no witness of the disk
        log = opened(data, segment_bytes=900)
        log.close()
        there = texts(data)
        assert there[: len(acknowledged)] == acknowledged, f"stopped at operation {stop}"
        assert len(there) - len(acknowledged) in (0, 3), "an unacknowledged batch is there whole or not at all"


def _run(data: Path, crash_at: int, how: str) -> tuple[list[str], int]:
    """(what was acknowledged, operations that were counted)."""
    data.mkdir()
    disk = ForgetfulDisk(data, crash_at=crash_at)
    acknowledged: list[str] = []
    log = None
    try:
        for part in range(2):
            log = opened(data, disk, segment_bytes=900)
            for number in range(6):
                names = [f"{part}.{number}.{item}" for item in range(3)]
                append(log, *names)
                acknowledged += names
            log.close()
    except Crash:
        if log is not None:
            log._lock.release()
        disk.lose(how, random.Random(crash_at))
    return acknowledged, len(disk.operations)


def test_the_answer_comes_after_the_sync_and_the_name(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = opened(tmp_path, disk)
    before = len(disk.operations)
    append(log, "a")
    names = [operation.name for operation in disk.operations[before:]]
    assert names == ["open", "sync_directory", "write", "sync"]
    before = len(disk.operations)
    append(log, "b")
    assert [operation.name for operation in disk.operations[before:]] == ["write", "sync"]
    log.close()


async def test_everything_that_waits_is_one_write_and_one_sync(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = opened(tmp_path, disk)
    mailbox: Mailbox[Append] = Mailbox("log")
    tickets: list[Ticket[Appended]] = [Ticket() for _ in range(50)]
    for number, ticket in enumerate(tickets):
        await mailbox.send(Append(batch(f"e{number}"), ticket))
    mailbox.close()
    before = len(disk.operations)
    heads: list[int] = []
    await LogWriter(log, mailbox, heads.append).run()
    assert [operation.name for operation in disk.operations[before:]].count("sync") == 1
    assert [(await ticket.wait()).positions for ticket in tickets] == [(number,) for number in range(1, 51)]
    assert heads == [50]
    log.close()


async def test_a_failed_sync_answers_nobody_with_accepted(tmp_path: Path) -> None:
    count = FaultyDisk()
    opened(tmp_path / "count", count).close()
    disk = FaultyDisk(fail_at=len(count.operations) + 4)  # open, sync_directory, write, sync
    log = opened(tmp_path / "log", disk)
    mailbox: Mailbox[Append] = Mailbox("log")
    ticket: Ticket[Appended] = Ticket()
    await mailbox.send(Append(batch("a"), ticket))
    heads: list[int] = []
    with pytest.raises(LogFailed):
        await LogWriter(log, mailbox, heads.append).run()
    with pytest.raises(LogFailed), anyio.fail_after(1):
        await ticket.wait()
    assert heads == [] and log.head == 0
    mailbox.close()
    log.close()
