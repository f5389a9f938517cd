"""The actor that owns the open log: group commit, back-pressure, and the end after a failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
import anyio.to_thread
import msgspec

from eventsrc.actor import Mailbox, Ticket
from eventsrc.errors import DiskFull, EventsrcError, LogFailed
from eventsrc.event import Appended, Position
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS, DISK_FULL_RETRY_SECONDS, OVERLAP_EVENTS
from eventsrc.log.plan import Answer, Batch, Group
from eventsrc.log.store import Log
from eventsrc.metrics import LogMetrics

T = TypeVar("T")


class Append(msgspec.Struct, frozen=True):
    """A batch that somebody wants to have in the log."""

    batch: Batch
    ticket: Ticket[Appended]
    patient: bool = True
    """True: wait for room on a full disk. False: answer `DiskFull` at once, because a person waits."""


class _Planned(msgspec.Struct, frozen=True):
    """A group that is decided and encoded, and not stored yet."""

    appends: Sequence[Append]
    group: Group


class LogWriter:
    """Everything that waits goes out in one write and one sync; then everything is answered (law L2).

    Under load the next group is decided and encoded while the disk still syncs the one before.
    """

    name = "log"

    def __init__(
        self,
        log: Log,
        mailbox: Mailbox[Append],
        on_head: Callable[[Position], None],
        *,
        metrics: LogMetrics | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._log = log
        self._mailbox = mailbox
        self._on_head = on_head
        self._metrics = metrics
        self._sleep = sleep
        self._thread = anyio.CapacityLimiter(1)
        self._cut: deque[Sequence[Append]] = deque()
        """Groups that were taken and are not decided yet."""
        self._planned: _Planned | None = None

    async def run(self) -> None:
        """Works until every sender has closed. Raises `LogFailed` after a failed durable operation (law L8)."""
        try:
            while await self._step():
                pass
        except LogFailed as error:
            planned = self._planned.appends if self._planned else ()
            for append in (*planned, *(append for group in self._cut for append in group)):
                if not append.ticket.done:
                    append.ticket.fail(error)
            raise

    async def _step(self) -> bool:
        """One hop to the thread, and the answers that it brings; False at the end."""
        if not self._cut:
            if self._planned is None:
                try:
                    taken = await self._mailbox.drain(COMMIT_EVENTS, COMMIT_BYTES)
                except anyio.EndOfStream:
                    return False
            else:
                taken = self._mailbox.drain_nowait(COMMIT_EVENTS, COMMIT_BYTES)
            self._cut.extend(groups(taken))
        if self._planned is not None:
            await self._store(self._planned)
        elif len(self._cut) > 1 or _is_large(self._cut[0]):
            self._planned = await self._plan(self._cut[0])
            self._cut.popleft()
        else:
            await self._commit(self._cut[0])
            self._cut.popleft()
        return True

    async def _plan(self, appends: Sequence[Append]) -> _Planned:
        return _Planned(appends, await self._run(self._log.plan, _batches(appends)))

    async def _store(self, planned: _Planned) -> None:
        """Stores what is planned, and plans what waits behind it. A full disk makes both undone: nothing is planned
        then, and the two are tried again one after the other."""
        following = self._cut[0] if self._cut else ()
        try:
            if following:
                answers, group = await self._run(self._log.store_and_plan, planned.group, _batches(following))
            else:
                answers = await self._run(self._log.store, planned.group)
        except DiskFull as error:
            self._cut.appendleft(await self._wait_for_room(planned.appends, error))
            self._planned = None
            return
        self._planned = _Planned(following, group) if following else None
        if following:
            self._cut.popleft()
        self._stored(planned.appends, answers)

    async def _commit(self, appends: Sequence[Append]) -> None:
        """Makes a group durable and answers it. Whoever is patient waits here for room, and so does everybody behind:
        that is the back-pressure that lets sources lose nothing."""
        while appends:
            try:
                answers = await self._run(self._log.commit, _batches(appends))
            except DiskFull as error:
                appends = self._cut[0] = await self._wait_for_room(appends, error)
            else:
                self._stored(appends, answers)
                return

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        with anyio.CancelScope(shield=True):  # a group whose write has begun is answered
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._thread)
        raise AssertionError("a shielded scope that nobody cancels runs to its end")

    async def _wait_for_room(self, appends: Sequence[Append], error: DiskFull) -> list[Append]:
        """Those that are patient, after a while."""
        self._full(True)
        patient = _refuse_impatient(appends, error)
        self._mailbox.finish(len(appends) - len(patient))
        if patient:
            await self._sleep(DISK_FULL_RETRY_SECONDS)
        return patient

    def _stored(self, appends: Sequence[Append], answers: Sequence[Answer]) -> None:
        self._full(False)
        self._on_head(self._log.head)
        for append, answer in zip(appends, answers, strict=True):
            if isinstance(answer, EventsrcError):
                append.ticket.fail(answer)
            else:
                append.ticket.set(answer)
        self._mailbox.finish(len(appends))
        self._observe(answers)

    def _observe(self, answers: Sequence[Answer]) -> None:
        if self._metrics is not None and self._log.sync_seconds is not None:  # else there was nothing new to write
            self._metrics.commits.inc()
            self._metrics.sync.observe(self._log.sync_seconds)
            stored = [answer for answer in answers if isinstance(answer, Appended)]
            self._metrics.commit_events.observe(sum(len(one.positions) - one.duplicates for one in stored))

    def _full(self, full: bool) -> None:
        if self._metrics is not None:
            self._metrics.disk_full.set(full)


def _batches(appends: Sequence[Append]) -> list[Batch]:
    return [append.batch for append in appends]


def _is_large(appends: Sequence[Append]) -> bool:
    """Whether encoding takes so long that it should not wait for the disk, nor the disk for it."""
    return sum(len(append.batch.drafts) for append in appends) >= OVERLAP_EVENTS


def groups(appends: Sequence[Append]) -> list[list[Append]]:
    """Cuts what was drained into groups within the bounds of one commit, in order."""
    cut: list[list[Append]] = []
    events, size = 0, 0
    for append in appends:
        more, weight = len(append.batch.drafts), append.batch.weight
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
