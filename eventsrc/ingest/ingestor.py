"""The actor between the sources and the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import anyio
import msgspec

from eventsrc.actor import Mailbox, Sender, Ticket
from eventsrc.errors import QueueFull, Rejected
from eventsrc.event import Appended, Envelope, Record
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS
from eventsrc.log import Batch
from eventsrc.log.draft import draft
from eventsrc.log.drafting import drafted
from eventsrc.log.drafts import Drafts, in_columns
from eventsrc.log.plain import lines_of
from eventsrc.log.writer import Append

REJECTED = ".rejected"
"""How a format's type ends for records that it knows and that lack what makes them one (a message without sender or
text). They are kept as they are, under that type, and counted as quarantined: visible, never taken for good ones."""

FEW = 8  # records of a batch that costs less than giving way to other tasks does, and than handling all at once


class Arrival(msgspec.Struct, frozen=True):
    """Records that belong together: they become durable together or not at all."""

    records: Sequence[Record]
    ticket: Ticket[Appended]
    patient: bool = True
    """True for sources that can wait for a full disk; False where a person waits for the answer."""
    expected_revision: dict[str, int] | None = None
    after: Ticket[Appended] | None = None
    """A batch that was handed over before; refused like it, because the two belong to one sequence."""


class Recognise(Protocol):
    """What the formats offer: envelopes of records, whatever they are."""

    def recognise(self, record: Record) -> Envelope: ...

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> list[Envelope]: ...


def weigh(arrival: Arrival) -> int:
    """Bytes of an arrival, for the bound of the mailbox."""
    return sum([len(record.data) for record in arrival.records])


class Ingestor:
    """Gives every record its envelope and passes batches on, in the order in which they came."""

    name = "ingest"

    def __init__(
        self,
        mailbox: Mailbox[Arrival],
        formats: Recognise,
        log: Mailbox[Append],
        progress: Callable[[int], None] = lambda _events: None,
        rejected: Callable[[int], None] = lambda _events: None,
    ) -> None:
        """`progress` hears how many records were passed on, `rejected` how many of them are kept aside."""
        self._mailbox = mailbox
        self._formats = formats
        self._log = log
        self._progress = progress
        self._rejected = rejected
        self._passed = 0
        self._aside = 0

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
                    if (made := self._made(arrival)) is not None:
                        append, aside = made
                        await _pass_on(append, log)
                        self._passed += len(append.batch.drafts)
                        self._aside += aside
                self._tell()
        finally:
            self._tell()
            log.close()

    def _made(self, arrival: Arrival) -> tuple[Append, int] | None:
        """What the log is asked for, and how many of the records are kept aside. A batch that cannot become valid
        events is answered here, and None; everything else is answered by the log, which refuses nothing of a source
        that can wait."""
        if arrival.after is not None and arrival.after.failure is not None:
            arrival.ticket.fail(arrival.after.failure)
            return None
        try:
            drafts, aside = drafts_of(arrival.records, self._formats)
        except Rejected as error:
            arrival.ticket.fail(error)
            return None
        return Append(Batch(drafts, arrival.expected_revision), arrival.ticket, patient=arrival.patient), aside

    def _tell(self) -> None:
        """Says what was passed on since it was last said: once for all that came together."""
        if self._passed:
            self._progress(self._passed)
        if self._aside:
            self._rejected(self._aside)
        self._passed = self._aside = 0


async def _pass_on(append: Append, log: Sender[Append]) -> None:
    if len(append.batch.drafts) <= FEW:
        try:
            log.send_nowait(append)
            return
        except QueueFull:
            pass
    await log.send(append)  # lets the writer in between two large batches


def drafts_of(records: Sequence[Record], formats: Recognise) -> tuple[Drafts, int]:
    """Fills in what the producer did not give itself, for all records at once where each is plain JSON; and how many
    of the records are kept aside."""
    lines = lines_of([record.data for record in records]) if len(records) > FEW else None
    if lines is None:
        envelopes = [record.envelope or formats.recognise(record) for record in records]
        made = in_columns(map(draft, records, envelopes))
    else:
        envelopes = [record.envelope for record in records if record.envelope is not None]
        if len(envelopes) != len(records):
            envelopes = formats.recognise_lines(records, lines)
        made = drafted(records, envelopes)
    types = [envelope.type for envelope in envelopes]
    if not any(map(_is_rejected, set(types))):
        return made, 0
    return made, list(map(_is_rejected, types)).count(True)


def _is_rejected(event_type: str) -> bool:
    return event_type.endswith(REJECTED)
