"""L8: after a failed durable operation this process appends nothing more; a full disk is survived."""

from __future__ import annotations

import errno
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import DiskFull, LogFailed
from eventsrc.event import Appended
from eventsrc.log.writer import Append, LogWriter
from eventsrc.testing.disk import Fault, FaultyDisk
from tests.kit.log import batch, forget_index, open_log, say, texts

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk without room."""


def operations_to(data: Path, appends: int) -> int:
    """How many durable operations it takes to append so many batches to a new log."""
    disk = FaultyDisk()
    log = open_log(data, disk)
    for number in range(appends):
        say(log, f"e{number}")
    log.close()
    return disk.count


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
def test_a_failed_sync_is_never_tried_again(tmp_path: Path, for_ever: bool) -> None:
    number = operations_to(tmp_path / "count", 3)  # the sync of the third append is the last operation
    disk = FaultyDisk(Fault(number, "error", errno.EIO, for_ever))
    log = open_log(tmp_path / "log", disk)
    say(log, "a")
    say(log, "b")
    with pytest.raises(LogFailed) as caught:
        log.commit([batch("c")])
    assert caught.value.operation == "sync" and caught.value.advice()
    done = disk.count
    for _ in range(3):
        with pytest.raises(LogFailed):
            log.commit([batch("d")])
    assert disk.count == done, "nothing more is asked of the disk"
    assert log.head == 2
    log.close()
    forget_index(tmp_path / "log")
    again = open_log(tmp_path / "log")
    assert again.head in (2, 3), "the next start verifies what it reads"
    again.close()
    assert texts(tmp_path / "log")[:2] == ["a", "b"] and "d" not in texts(tmp_path / "log")


@pytest.mark.parametrize("error", [*FULL, errno.EIO])
@pytest.mark.parametrize("short", [False, True], ids=["refused", "short"])
def test_every_operation_of_an_append_may_fail_once(tmp_path: Path, error: int, short: bool) -> None:
    """Whatever fails, what was acknowledged stays, and what was not is there whole or not at all."""
    count = operations_to(tmp_path / "count", 3)
    opening = operations_to(tmp_path / "opening", 0)
    for number in range(opening + 1, count + 1):
        data = tmp_path / f"{number}"
        disk = FaultyDisk(Fault(number, "short" if short else "error", error))
        log = open_log(data, disk)
        kept: list[str] = []
        refused: type[Exception] | None = None
        for name in ("e0", "e1", "e2"):
            try:
                say(log, name)
                kept.append(name)
            except (DiskFull, LogFailed) as caught:
                refused = type(caught)
                name_of_operation = disk.did[number - 1]
                full = error in FULL and name_of_operation != "sync" and name_of_operation != "sync_directory"
                assert full == isinstance(caught, DiskFull) or name_of_operation == "sync_directory"
        if refused is DiskFull:
            assert len(kept) == 2, "it goes on by itself when there is room"
        log.close()
        forget_index(data)
        open_log(data).close()
        there = texts(data)
        assert [name for name in there if name in kept] == kept and len(there) - len(kept) in (0, 1)


async def test_the_writer_waits_for_room_and_loses_nothing(tmp_path: Path) -> None:
    number = operations_to(tmp_path / "count", 1) - 1  # the write of the first append
    disk = FaultyDisk(Fault(number, "short", errno.ENOSPC))
    log = open_log(tmp_path / "log", disk)
    mailbox: Mailbox[Append] = Mailbox("log")
    patient: Ticket[Appended] = Ticket()
    hasty: Ticket[Appended] = Ticket()
    await mailbox.send(Append(batch("patient"), patient))
    await mailbox.send(Append(batch("hasty"), hasty, patient=False))
    mailbox.close()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with anyio.fail_after(10):
        await LogWriter(log, mailbox, lambda _head: None, sleep=sleep).run()
        assert (await patient.wait()).positions == (1,)
        with pytest.raises(DiskFull):
            await hasty.wait()
    assert len(slept) == 1
    log.close()
    assert texts(tmp_path / "log") == ["patient"]
