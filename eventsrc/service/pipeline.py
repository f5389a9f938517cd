"""The way into the log: ingest and the log's writer, with the mailboxes between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eventsrc.actor import Charge, Mailbox, Policy, Stage, Ticket, Watermark
from eventsrc.clock import Clock
from eventsrc.config import Settings
from eventsrc.durable import Disk
from eventsrc.errors import LogCorrupt
from eventsrc.event import Appended, Cursor, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.ingest import Arrival, Ingestor
from eventsrc.ingest.ingestor import weigh
from eventsrc.limits import VERIFY_AT_START_BYTES
from eventsrc.log import Log
from eventsrc.log.layout import log_directory
from eventsrc.log.recovery import read_manifest
from eventsrc.log.scrub import check_sealed, split
from eventsrc.log.writer import Append, LogWriter
from eventsrc.metrics import Metrics
from eventsrc.service.heartbeat import Idle


class Pipeline:
    """An open log and everything in front of it. One per process; opening takes the log's lock."""

    def __init__(self, data: Path, settings: Settings, disk: Disk, clock: Clock, metrics: Metrics) -> None:
        """Blocks while the log is verified. Raises what `Log.open` raises."""
        self.log = Log.open(data, disk=disk, clock=clock, segment_bytes=settings.log.segment_bytes)
        self._check_newest(data)
        self.formats = Formats.load()
        self.watermark = Watermark(self.log.head)
        self.idle = Idle()
        self.arrivals: Mailbox[Arrival] = Mailbox("ingest", weigh=weigh, clock=clock)
        self.appends: Mailbox[Append] = Mailbox("log", weigh=_weight, clock=clock)
        self._metrics = metrics
        self._source = metrics.stage("source")
        self._ingest = metrics.stage("ingest")
        self._written = metrics.stage("log")
        self._clock = clock
        for mailbox in (self.arrivals, self.appends):
            metrics.mailboxes.add(mailbox.stats)

    def _check_newest(self, data: Path) -> None:
        """Reads the newest sealed segments before anything is built on them; the older ones are scrubbed later."""
        try:
            newest, _ = split(read_manifest(log_directory(data)).sealed, VERIFY_AT_START_BYTES)
            for entry in newest:
                check_sealed(log_directory(data), entry)
        except LogCorrupt:
            self.log.close()
            raise

    def charges(self) -> list[Charge]:
        """The two actors, for the supervisor."""
        metrics = self._metrics.log
        return [
            Charge(
                name=Ingestor.name,
                make=lambda: Ingestor(
                    self.arrivals, self.formats, self.appends, self._ingested, self._metrics.source.rejected
                ),
                policy=Policy.RESTART,
                stage=Stage.INGEST,
                close=self.arrivals.close,
                mailbox=self.arrivals,
            ),
            Charge(
                name=LogWriter.name,
                make=lambda: LogWriter(self.log, self.appends, self._grown, metrics=metrics),
                policy=Policy.STOP,  # after a failed durable operation nothing more is written (law L8)
                stage=Stage.LOG,
                close=self.appends.close,
                mailbox=self.appends,
            ),
        ]

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        """Waits for room in the queue; the ticket's answer means durable. For what the service itself sees."""
        ticket: Ticket[Appended] = Ticket()
        await self.arrivals.send(Arrival(records, ticket, after=after))
        return ticket

    async def gather(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        """`deliver` for sources: what comes from agents is counted."""
        ticket = await self.deliver(records, after)
        self._source.count(len(records), self._clock.now())
        return ticket

    async def append(self, records: Sequence[Record]) -> Appended:
        """For somebody who waits for the answer: refuses with QueueFull or DiskFull instead of waiting for room."""
        ticket: Ticket[Appended] = Ticket()
        began = self._clock.monotonic()
        self.arrivals.send_nowait(Arrival(records, ticket, patient=False))
        self._source.count(len(records), self._clock.now())
        answer = await ticket.wait()
        self._metrics.log.append.observe(self._clock.monotonic() - began)
        self._metrics.source.duplicates.inc(answer.duplicates)
        return answer

    def cursor(self, key: str) -> Cursor | None:
        """The last durable cursor of a source's key."""
        return self.log.cursor(key)

    def close(self) -> None:
        """Closes the log and lets go of its lock; blocks."""
        self.log.close()

    def _ingested(self, events: int) -> None:
        self._ingest.count(events, self._clock.now())

    def _grown(self, position: int) -> None:
        self._written.count(position - self.watermark.position, self._clock.now())
        self.watermark.advance(position)


def _weight(append: Append) -> int:
    return append.batch.weight
