"""After a failed durable operation nothing more is appended and no sync is retried; a full disk is survived."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import DiskFull, LogFailed
from eventsrc.event import Appended
from eventsrc.log import Log, verify
from eventsrc.log.writer import Append, LogWriter
from eventsrc.testing.disk import Fault, FaultyDisk
from tests.kit.log import abandon, append, build, files, notes, open_log, records, together

SEGMENT_BYTES = 900


def _append_all(log: Log, until: int) -> None:
    while log.head < until:
        append(log, notes(log.head + 1, 1))


def _operations(data: Path) -> list[str]:
    disk = FaultyDisk()
    log = open_log(data, disk, segment_bytes=SEGMENT_BYTES)
    _append_all(log, 6)
    log.close()
    return disk.did


def test_an_error_at_any_operation_ends_writing_for_good(tmp_path: Path) -> None:
    did = _operations(tmp_path / "counted")
    for at in range(1, len(did) + 1):
        data = tmp_path / str(at)
        disk = FaultyDisk(Fault(at, "error", errno.EIO))
        try:
            log = open_log(data, disk, segment_bytes=SEGMENT_BYTES)
        except LogFailed:
            assert disk.count == at
        else:
            with pytest.raises(LogFailed):
                _append_all(log, 6)
            before = files(data), log.head
            with pytest.raises(LogFailed):
                append(log, notes(99, 1))
            assert disk.count == at, f"nothing was tried after {did[at - 1]} had failed"
            assert (files(data), log.head) == before
            abandon(log)
            disk.lose("lost")
            assert len(records(data)) == before[1], "what was acknowledged, and nothing else"
        log = open_log(data, segment_bytes=SEGMENT_BYTES)
        _append_all(log, 6)
        log.close()
        assert verify(data).ok


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE], ids=errno.errorcode.get)
@pytest.mark.parametrize("kind", ["error", "short"])
def test_a_full_disk_is_survived_wherever_it_shows(tmp_path: Path, error: int, kind: str) -> None:
    did = _operations(tmp_path / "counted")
    opening = 0
    for at in range(1, len(did) + 1):
        if did[at - 1] not in ("open", "write") or (kind == "short" and did[at - 1] != "write"):
            continue
        data = tmp_path / str(at)
        disk = FaultyDisk(Fault(at, "short" if kind == "short" else "error", error))
        try:
            log = open_log(data, disk, segment_bytes=SEGMENT_BYTES)
        except DiskFull:
            opening += 1
            continue
        with pytest.raises(DiskFull):
            _append_all(log, 6)
        assert len(records(data)) == log.head, "what was accepted is kept, what was refused left no trace"
        assert verify(data).ok
        _append_all(log, 6)
        log.close()
        assert len(records(data)) == 6 and verify(data).ok
        log = open_log(data)
        assert log.recovery.clean
        log.close()


def test_an_empty_segment_left_behind_does_not_block_the_next_start(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    disk.fail_next("write", errno.ENOSPC, forever=True)
    with pytest.raises(DiskFull):
        append(log, notes(1, 1))
    log.close()
    (segment,) = (tmp_path / "log").glob("0*")
    assert segment.stat().st_size == 0
    log = open_log(tmp_path)
    assert log.recovery.clean
    append(log, notes(1, 1))
    log.close()


def test_a_cut_that_fails_after_a_full_disk_ends_writing(tmp_path: Path) -> None:
    build(tmp_path, [1])
    disk = FaultyDisk(Fault(2**31))
    log = open_log(tmp_path, disk)
    disk.fail_next("write", errno.ENOSPC)
    with pytest.raises(DiskFull):
        append(log, notes(2, 1))
    disk.fault = Fault(disk.count + 1, "short", errno.ENOSPC)
    disk.fail_next("truncate", errno.EIO)
    with pytest.raises(LogFailed, match="truncate"):
        append(log, notes(2, 1))
    with pytest.raises(LogFailed):
        append(log, notes(2, 1))
    log.close()
    log = open_log(tmp_path)
    assert log.head == 1 and not log.recovery.clean
    log.close()


async def test_the_writer_waits_for_room_and_answers_those_who_cannot(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    mailbox = Mailbox[Append]("log", 8, lambda item: len(item.batch.drafts))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            disk.heal()

    writer = LogWriter(log, mailbox, lambda _: None, sleep=sleep)
    patient, impatient = Ticket[Appended](), Ticket[Appended]()
    await mailbox.send(Append(together(notes(1, 2)), patient))
    await mailbox.send(Append(together(notes(3, 1)), impatient, patient=False))
    mailbox.close()
    disk.fail_next("write", errno.ENOSPC, forever=True)
    await writer.run()
    assert (await patient.wait()).positions == (1, 2)
    with pytest.raises(DiskFull):
        await impatient.wait()
    assert len(waits) == 3
    log.close()


async def test_the_writer_fails_everybody_who_waits_and_ends(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    mailbox = Mailbox[Append]("log", 8, lambda item: len(item.batch.drafts))
    tickets = [Ticket[Appended](), Ticket[Appended]()]
    for ticket in tickets:
        await mailbox.send(Append(together(notes(1, 1)), ticket))
    disk.fail_next("sync", errno.EIO)
    heads: list[int] = []
    with pytest.raises(LogFailed, match="sync"):
        await LogWriter(log, mailbox, heads.append).run()
    for ticket in tickets:
        with pytest.raises(LogFailed):
            await ticket.wait()
    assert heads == []
    log.close()


def test_a_refused_write_is_cut_off_durably_before_the_next_one(tmp_path: Path) -> None:
    """Otherwise a page of it could come back under a later group."""
    build(tmp_path, [1])
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    disk.fail_next("write", errno.ENOSPC)
    with pytest.raises(DiskFull):
        append(log, notes(2, 1))
    assert disk.did[-3:] == ["write", "truncate", "sync"]
    append(log, notes(2, 1))
    log.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO], ids=errno.errorcode.get)
def test_a_sync_that_finds_no_room_is_a_failed_sync(tmp_path: Path, error: int) -> None:
    """Space may be promised by a write and missed by the sync: what is durable is unknown then, as after EIO."""
    build(tmp_path, [1])
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    disk.fail_next("sync", error)
    with pytest.raises(LogFailed):
        append(log, notes(2, 1))
    before = disk.count
    with pytest.raises(LogFailed):
        append(log, notes(2, 1))
    assert disk.did[-1] == "sync" and disk.count == before
    log.close()
