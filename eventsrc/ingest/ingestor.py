"""The actor between the sources and the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import anyio
import msgspec

from eventsrc.actor import Mailbox, Sender, Ticket
from eventsrc.errors import QueueFull, Rejected
from eventsrc.event import Appended, Draft, Envelope, Record
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS
from eventsrc.log import Batch, codec
from eventsrc.log.writer import Append

REJECTED = ".rejected"
"""How a format's type ends for records that it knows and that lack what makes them one (a message without sender or
text). They are kept as they are, under that type, and counted as quarantined: visible, never taken for good ones."""

FEW = 8  # records of a batch that costs less than giving way to other tasks does


class Arrival(msgspec.Struct, frozen=True):
    """Records that belong together: they become durable together or not at all."""

    records: Sequence[Record]
    ticket: Ticket[Appended]
    patient: bool = True
    """True for sources that can wait for a full disk; False where a person waits for the answer."""
    expected_revision: dict[str, int] | None = None


class Recognise(Protocol):
    """What the formats offer: the envelope of a record, whatever it is."""

    def __call__(self, record: Record) -> Envelope: ...


def weigh(arrival: Arrival) -> int:
    """Bytes of an arrival, for the bound of the mailbox."""
    return sum(len(record.data) for record in arrival.records)


class Ingestor:
    """Gives every record its envelope and passes batches on, in the order in which they came."""

    name = "ingest"

    def __init__(
        self,
        mailbox: Mailbox[Arrival],
        recognise: Recognise,
        log: Mailbox[Append],
        progress: Callable[[int], None] = lambda _events: None,
        rejected: Callable[[int], None] = lambda _events: None,
    ) -> None:
        """`progress` hears how many records were passed on, `rejected` how many of them are kept aside."""
        self._mailbox = mailbox
        self._recognise = recognise
        self._log = log
        self._progress = progress
        self._rejected = rejected

    async def run(self) -> None:
        """Ends when every source has closed its end; closes the log's mailbox behind it."""
        log = self._log.sender()
        try:
            while True:
                try:
                    arrivals = await self._mailbox.drain(COMMIT_EVENTS, COMMIT_BYTES)
                except anyio.EndOfStream:
                    return
                for arrival in arrivals:
                    await self._pass_on(arrival, log)
        finally:
            log.close()

    async def _pass_on(self, arrival: Arrival, log: Sender[Append]) -> None:
        """A batch that cannot become valid events is answered here; everything else is answered by the log."""
        try:
            drafts, aside = drafts_of(arrival.records, self._recognise)
        except Rejected as error:
            arrival.ticket.fail(error)
            return
        append = Append(Batch(drafts, arrival.expected_revision), arrival.ticket, patient=arrival.patient)
        try:
            if len(drafts) > FEW:
                await log.send(append)  # lets the writer in between two large batches
            else:
                log.send_nowait(append)
        except QueueFull:
            await log.send(append)
        self._progress(len(arrival.records))
        if aside:
            self._rejected(aside)


def drafts_of(records: Sequence[Record], recognise: Recognise) -> tuple[list[Draft], int]:
    """Fills in what the producer did not give itself; also says how many of them are kept aside."""
    envelopes = [record.envelope or recognise(record) for record in records]
    aside = sum(envelope.type.endswith(REJECTED) for envelope in envelopes)
    return list(map(codec.draft, records, envelopes)), aside
