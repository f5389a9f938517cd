"""While one group is being synced the next one is planned: nothing that a producer can see depends on it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import DiskFull, IdConflict, LogFailed, WrongRevision
from eventsrc.event import Appended, Draft
from eventsrc.log import LogReader
from eventsrc.log.writer import Append, LogWriter
from eventsrc.testing.disk import FaultyDisk
from tests.kit.log import append, note, notes, open_log, records, together

LARGE = 600  # events of a batch that is planned beside the sync of the one before


async def write(log_disk: FaultyDisk, data: Path, batches: list[Append], waits: list[float]) -> list[int]:
    """A writer over all of these until it ended; the heads that it told."""
    log = open_log(data, log_disk)
    mailbox = Mailbox[Append]("log", len(batches), lambda _: 1)
    for batch in batches:
        mailbox.send_nowait(batch)
    mailbox.close()
    heads: list[int] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        log_disk.heal()

    try:
        await LogWriter(log, mailbox, heads.append, sleep=sleep).run()
        assert mailbox.stats().in_hand == 0, "health would take it for work that does not get on"
    finally:
        log.close()
    return heads


def large(number: int, *, patient: bool = True) -> Append:
    drafts = notes(number * LARGE + 1, LARGE)
    return Append(together(drafts), Ticket(), patient=patient)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.log.writer.COMMIT_EVENTS", LARGE)  # each batch is a group


async def test_groups_become_durable_in_order_one_sync_each(tmp_path: Path) -> None:
    disk, batches = FaultyDisk(), [large(number) for number in range(5)]
    heads = await write(disk, tmp_path, batches, [])
    assert heads == [LARGE * n for n in range(1, 6)]
    assert [(await one.ticket.wait()).positions[0] for one in batches] == [LARGE * n + 1 for n in range(5)]
    assert [event.id for event in LogReader(tmp_path).read(0, max_events=9999)] == [f"id-{n}" for n in range(1, 3001)]
    assert [event.revision for event in LogReader(tmp_path).read(0, max_events=9999)] == list(range(1, 3001))
    assert disk.did.count("write") - disk.did[: disk.did.index("write")].count("write") >= 5


async def test_what_is_done_is_told_while_more_is_taken(tmp_path: Path) -> None:
    """Or health would see a writer that works without a pause as one that does not get on."""
    log = open_log(tmp_path)
    mailbox = Mailbox[Append]("log", 8, lambda _: 1)
    for number in range(8):
        mailbox.send_nowait(large(number))
    mailbox.close()
    in_hand: list[int] = []
    await LogWriter(log, mailbox, lambda _: in_hand.append(mailbox.stats().in_hand)).run()
    log.close()
    assert in_hand == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_a_full_disk_undoes_the_plan_behind_it(tmp_path: Path) -> None:
    disk, waits = FaultyDisk(), list[float]()
    batches = [large(0), large(1), large(2, patient=False), large(3)]
    open_log(tmp_path).close()
    disk.fail_next("write", errno.ENOSPC, skip=1)
    await write(disk, tmp_path, batches, waits)
    assert waits, "somebody waited for room"
    found = records(tmp_path)
    answered = [one for one in batches if one.ticket.failure is None]
    assert batches[0] in answered and batches[1] in answered and batches[3] in answered
    assert len(found) == LARGE * len(answered)
    for one in answered:
        answer = await one.ticket.wait()
        assert [found[position - 1] for position in answer.positions] == one.batch.drafts.data


async def test_those_who_cannot_wait_are_refused_when_their_plan_finds_no_room(tmp_path: Path) -> None:
    disk = FaultyDisk()
    batches = [large(0, patient=False), large(1)]
    open_log(tmp_path).close()
    disk.fail_next("write", errno.ENOSPC)
    await write(disk, tmp_path, batches, [])
    with pytest.raises(DiskFull):
        await batches[0].ticket.wait()
    assert (await batches[1].ticket.wait()).positions[0] == 1


async def test_a_failed_sync_fails_what_was_planned_behind_it_too(tmp_path: Path) -> None:
    disk, batches = FaultyDisk(), [large(number) for number in range(4)]
    open_log(tmp_path).close()
    disk.fail_next("sync", errno.EIO, skip=1)
    with pytest.raises(LogFailed, match="sync"):
        await write(disk, tmp_path, batches, [])
    assert all(one.ticket.done for one in batches)
    assert [one.ticket.failure is None for one in batches][1:] == [False] * 3


@pytest.mark.parametrize("kind", ["duplicate", "conflict", "revision"])
def test_a_plan_knows_the_group_before_it(tmp_path: Path, kind: str) -> None:
    log = open_log(tmp_path)
    append(log, [note("first", unique=True)])
    before = log.plan([together([note("a", unique=True, data=b'{"a":1}'), note("b")])])
    batch = {
        "duplicate": together([note("a", unique=True, data=b'{"a":1}')]),
        "conflict": together([note("a", unique=True, data=b'{"a":2}')]),
        "revision": together([note("c")], {"s/1": 1}),
    }[kind]
    answers, behind = log.store_and_plan(before, [batch])
    (answer,) = log.store(behind)
    assert answers == [Appended((2, 3))]
    match kind:
        case "duplicate":
            assert answer == Appended((2,), 1)
        case "conflict":
            assert isinstance(answer, IdConflict) and answer.position == 2
        case _:
            assert isinstance(answer, WrongRevision) and answer.actual == 3
    assert log.head == 3
    log.close()


def test_what_is_planned_for_another_head_is_never_stored(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    stale = log.plan([together([note(1)])])
    append(log, [note(2)])
    with pytest.raises(AssertionError):
        log.store(stale)
    log.close()
    assert records(tmp_path) == [_data(note(2))]


def _data(item: Draft) -> bytes:
    return item.data
