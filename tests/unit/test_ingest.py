"""Records on their way to the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Mailbox, Ticket
from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.errors import Rejected
from eventsrc.event import Appended, Envelope, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.ingest import Arrival, Counts, Ingestor, quarantined
from eventsrc.log import Log, LogReader
from eventsrc.log.writer import Append, LogWriter


def record(number: int, data: bytes = b'{"a":1}', id_: str | None = None) -> Record:
    return Record("urn:t", data, str(number) if id_ is None else id_)


async def run(data: Path, arrivals: list[Arrival], rejected: Callable[[int], None] = lambda _n: None) -> None:
    """Ingestor and writer over real mailboxes, until both have ended."""
    log = Log.open(data, disk=SystemDisk(), clock=SystemClock())
    box: Mailbox[Arrival] = Mailbox("ingest")
    appends: Mailbox[Append] = Mailbox("log", size=2)

    async def ingest() -> None:
        await Ingestor(box, Formats.load(), appends, rejected=rejected).run()
        appends.close()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(ingest)
            group.start_soon(LogWriter(log, appends, lambda _head: None).run)
            for arrival in arrivals:
                await box.send(arrival)
            box.close()
    log.close()


async def test_batches_keep_their_order_whatever_their_size(tmp_path: Path) -> None:
    sizes = [1, 30, 2, 500, 1, 1, 9, 8]
    arrivals, number = [], 0
    for size in sizes:
        arrivals.append(Arrival([record(number + i) for i in range(size)], Ticket()))
        number += size
    await run(tmp_path, arrivals)
    assert [event.id for event in LogReader(tmp_path).read(0)] == [str(i) for i in range(number)]
    answers = [await arrival.ticket.wait() for arrival in arrivals]
    assert [len(answer.positions) for answer in answers] == sizes


async def test_what_belongs_behind_a_refused_batch_is_refused_with_it(tmp_path: Path) -> None:
    bad, second, third, other = (Ticket[Appended]() for _ in range(4))
    arrivals = [
        Arrival([record(1, id_="")], bad),
        Arrival([record(2)], second, after=bad),
        Arrival([record(3)], third, after=second),
        Arrival([record(4)], other),
    ]
    await run(tmp_path, arrivals)
    for ticket in (bad, second, third):
        with pytest.raises(Rejected):
            await ticket.wait()
    assert (await other.wait()).positions == (1,)


async def test_a_batch_that_cannot_become_events_is_answered_and_the_others_go_on(tmp_path: Path) -> None:
    good, bad, after = (Ticket[Appended]() for _ in range(3))
    arrivals = [Arrival([record(1)], good), Arrival([record(2), record(3, id_="")], bad), Arrival([record(4)], after)]
    await run(tmp_path, arrivals)
    with pytest.raises(Rejected):
        await bad.wait()
    assert ((await good.wait()).positions, (await after.wait()).positions) == ((1,), (2,))


async def test_the_envelope_of_the_producer_is_kept(tmp_path: Path) -> None:
    mine = Record("urn:t", b"1", "x", envelope=Envelope("my.type", "my/subject", "2026-01-10T10:00:00Z"))
    await run(tmp_path, [Arrival([mine], Ticket())])
    (event,) = LogReader(tmp_path).read(0)
    assert (event.type, event.subject, event.time) == ("my.type", "my/subject", "2026-01-10T10:00:00Z")


async def test_a_message_without_text_or_sender_is_kept_as_it_came_and_counted(tmp_path: Path) -> None:
    counted: list[int] = []
    lines = (b'{"from":"a","content":{"message":"hi"}}', b'{"from":"a","content":{}}', b"no json", b"{}")
    records = [Record("zmq+pull://x", line, str(n)) for n, line in enumerate(lines)]
    await run(tmp_path, [Arrival(records, Ticket())], counted.append)
    assert counted == [3]
    events = LogReader(tmp_path).read(0)
    assert [event.raw for event in events] == list(lines)
    assert [event.type.endswith(".rejected") for event in events] == [False, True, True, True]


def test_what_was_refused_is_kept_with_its_reason_and_once() -> None:
    kept = quarantined(b"\xff bad", "urn:t", "conflict")
    assert kept.unique and kept.id == quarantined(b"\xff bad", "urn:t", "conflict").id
    assert b'"reason":"conflict"' in kept.data and b"/yBiYWQ=" in kept.data


def test_counts_add_up() -> None:
    counts = Counts()
    counts.add(Appended((3, 4, 1), duplicates=1), head_before=2)
    counts.add(Appended((5,)), head_before=2)
    assert (counts.read, counts.appended, counts.duplicates) == (4, 3, 1)
    assert (counts.first_position, counts.last_position) == (3, 5)
