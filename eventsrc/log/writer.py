"""The actor that owns the open log: group commit, back-pressure, and the end after a failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.to_thread
import msgspec

from eventsrc.actor import Mailbox, Ticket
from eventsrc.clock import Clock, SystemClock
from eventsrc.errors import DiskFull, EventsrcError, LogFailed
from eventsrc.event import Appended, Position
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS, DISK_FULL_RETRY_SECONDS
from eventsrc.log.plan import Answer, Batch, weigh
from eventsrc.log.store import Log
from eventsrc.metrics import LogMetrics


class Append(msgspec.Struct, frozen=True):
    """A batch that somebody wants to have in the log."""

    batch: Batch
    ticket: Ticket[Appended]
    patient: bool = True
    """True: wait for room on a full disk. False: answer `DiskFull` at once, because a person waits."""


class LogWriter:
    """Everything that waits goes out in one write and one sync; then everything is answered (law L2)."""

    name = "log"

    def __init__(
        self,
        log: Log,
        mailbox: Mailbox[Append],
        on_head: Callable[[Position], None],
        *,
        metrics: LogMetrics | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Clock | None = None,
    ) -> None:
        self._log = log
        self._mailbox = mailbox
        self._on_head = on_head
        self._metrics = metrics
        self._sleep = sleep
        self._clock = clock or SystemClock()
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        """Works until every sender has closed. Raises `LogFailed` after a failed durable operation (law L8)."""
        while True:
            try:
                appends = await self._mailbox.drain(COMMIT_EVENTS, COMMIT_BYTES)
            except anyio.EndOfStream:
                return
            try:
                for group in groups(appends):
                    await self._commit(group)
            except LogFailed as error:
                for append in appends:
                    if not append.ticket.done:
                        append.ticket.fail(error)
                raise

    async def _commit(self, group: Sequence[Append]) -> None:
        """Makes a group durable and answers it. Whoever is patient waits here for room, and so does everybody behind:
        that is the back-pressure that lets sources lose nothing."""
        while group:
            began = self._clock.monotonic()
            try:
                with anyio.CancelScope(shield=True):  # a group whose write has begun is answered
                    batches = [append.batch for append in group]
                    answers = await anyio.to_thread.run_sync(self._log.commit, batches, limiter=self._thread)
            except DiskFull as error:
                self._full(True)
                group = _refuse_impatient(group, error)
                if group:
                    await self._sleep(DISK_FULL_RETRY_SECONDS)
                continue
            self._full(False)
            self._answer(group, answers)
            self._observe(answers, self._clock.monotonic() - began)
            return

    def _answer(self, group: Sequence[Append], answers: Sequence[Answer]) -> None:
        self._on_head(self._log.head)
        for append, answer in zip(group, answers, strict=True):
            if isinstance(answer, EventsrcError):
                append.ticket.fail(answer)
            else:
                append.ticket.set(answer)

    def _observe(self, answers: Sequence[Answer], seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.commits.inc()
            self._metrics.sync.observe(seconds)
            stored = [answer for answer in answers if isinstance(answer, Appended)]
            self._metrics.commit_events.observe(sum(len(one.positions) - one.duplicates for one in stored))

    def _full(self, full: bool) -> None:
        if self._metrics is not None:
            self._metrics.disk_full.set(full)


def groups(appends: Sequence[Append]) -> list[list[Append]]:
    """Cuts what was drained into groups within the bounds of one commit, in order."""
    cut: list[list[Append]] = []
    events, size = 0, 0
    for append in appends:
        more, weight = len(append.batch.drafts), weigh(append.batch.drafts)
        if not cut or events + more > COMMIT_EVENTS or size + weight > COMMIT_BYTES:
            cut.append([])
            events, size = 0, 0
        cut[-1].append(append)
        events, size = events + more, size + weight
    return cut


def _refuse_impatient(group: Sequence[Append], error: DiskFull) -> list[Append]:
    for append in group:
        if not append.patient:
            append.ticket.fail(error)
    return [append for append in group if append.patient]
