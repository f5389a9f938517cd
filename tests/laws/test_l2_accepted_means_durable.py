"""L2: a producer hears "accepted" only after its events, and the name of their segment, are durable."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path
from typing import get_args

import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import LogFailed
from eventsrc.event import Appended
from eventsrc.log import verify
from eventsrc.log.writer import Append, LogWriter
from eventsrc.testing.disk import Crash, Fault, FaultyDisk, Loss
from tests.kit.log import abandon, append, build, notes, open_log, records, together

GROUPS, SEGMENT_BYTES = (1, 3, 2, 4, 1), 900  # seals twice on the way


def _run(data: Path, disk: FaultyDisk) -> int:
    """Appends the groups; how many events were acknowledged when the machine went down."""
    acknowledged = 0
    try:
        log = open_log(data, disk, segment_bytes=SEGMENT_BYTES)
    except Crash:
        return 0
    try:
        for size in GROUPS:
            append(log, notes(acknowledged + 1, size))
            acknowledged += size
    except Crash:
        pass
    abandon(log)
    return acknowledged


def _operations(tmp_path: Path) -> int:
    disk = FaultyDisk()
    assert _run(tmp_path / "counted", disk) == sum(GROUPS)
    assert disk.did.count("sync_directory") >= 5
    return disk.count


@pytest.mark.parametrize("loss", get_args(Loss))
def test_a_power_cut_at_any_operation_takes_nothing_that_was_acknowledged(tmp_path: Path, loss: Loss) -> None:
    for at in range(1, _operations(tmp_path) + 1):
        data = tmp_path / str(at)
        disk = FaultyDisk(Fault(at, "crash"))
        acknowledged = _run(data, disk)
        disk.lose(loss)
        log = open_log(data, segment_bytes=SEGMENT_BYTES)
        edges = list(itertools.accumulate(GROUPS, initial=0))
        assert log.head >= acknowledged, f"operation {at}: {disk.did[-1]}"
        assert log.head in edges, "a batch is there whole or not at all"
        append(log, notes(log.head + 1, 2))
        head = log.head
        log.close()
        assert [f'"{n}"'.encode() in raw for n, raw in enumerate(records(data), 1)] == [True] * head
        assert verify(data).ok


@pytest.mark.parametrize("operation", ["sync", "sync_directory"])
def test_what_could_not_be_synced_is_not_acknowledged(tmp_path: Path, operation: str) -> None:
    build(tmp_path, [1])
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    disk.fail_next(operation, errno.EIO)
    with pytest.raises(LogFailed):
        append(log, notes(2, 1))
    assert log.head == 1
    log.close()


async def test_the_ticket_is_set_after_the_sync(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    mailbox = Mailbox[Append]("log", 8, lambda item: len(item.batch.drafts))
    heads: list[tuple[int, str]] = []
    writer = LogWriter(log, mailbox, lambda head: heads.append((head, disk.did[-1])))
    tickets = [Ticket[Appended]() for _ in range(3)]
    for number, ticket in enumerate(tickets, 1):
        await mailbox.send(Append(together(notes(number, 1)), ticket))
    mailbox.close()
    syncs = disk.did.count("sync")
    await writer.run()
    assert [(await ticket.wait()).positions for ticket in tickets] == [(1,), (2,), (3,)]
    assert heads == [(3, "sync")], "one group, told when its sync had returned"
    assert disk.did.count("sync") == syncs + 1
    log.close()


def test_the_answer_comes_after_the_sync_and_the_name(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    before = disk.count
    append(log, notes(1, 1))
    assert disk.did[before:] == ["open", "sync_directory", "write", "sync"]
    before = disk.count
    append(log, notes(2, 1))
    assert disk.did[before:] == ["write", "sync"]
    log.close()
