"""A spool: a folder into which anybody puts records while nobody needs to run, one file per record, renamed into place.

    .<anything>       being written; after an hour it is an accident, which is recorded and removed
    <name>.json       one whole record
    set-aside/<name>  a record too large for the log, of which a stub was recorded

A file is removed once its record is durable. The record's id follows from name and content, so a file that was recorded
and not yet removed when the service was killed is recognised; the order is that of the files' times. What is in the
spool is as safe as the one who put it there made it: a producer that does not sync may lose it in a power failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from eventsrc.errors import TryAgain
from eventsrc.event import Record
from eventsrc.limits import DISK_FULL_RETRY_SECONDS, SPOOL_ABSENT_SECONDS, SPOOL_LOOK_SECONDS, SPOOL_UNFINISHED_SECONDS
from eventsrc.source.notice import shown
from eventsrc.source.port import Deliver, SourcePosition
from eventsrc.source.spooled import SET_ASIDE, Found, accident, files, record_of

SURE_LOOKS = 240
"""The folder is listed at least every so many looks, should its change time not tell (some network file systems)."""


class _Batch(msgspec.Struct, frozen=True):
    records: Sequence[Record]
    gone: Sequence[str]
    """Files to remove once the records are durable."""
    aside: Sequence[str]
    """Files to move away once the records are durable."""
    more: bool


class Spool:
    """Empties one folder, for ever. The folder need not exist yet."""

    kind = "spool"

    def __init__(
        self,
        folder: Path,
        now: Callable[[], float],
        *,
        pace: float = SPOOL_LOOK_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`now`: wall time, to tell a file that is being written from one that was left unfinished."""
        self.name = f"spool:{folder}"
        self._folder = folder
        self._now = now
        self._pace = pace
        self._sleep = sleep
        self._thread = anyio.CapacityLimiter(1)
        self._seen = -1
        self._settled = False
        self._looks = 0
        self._problems: dict[str, str] = {}
        """File → why it could not be read: said in `positions`, passed over, and tried again from time to time."""

    def positions(self) -> list[SourcePosition]:
        """Where it stands, when there is something to say: nothing of an emptied spool is behind."""
        if not self._problems:
            return []
        problem = "; ".join(f"{shown(name)}: {reason}" for name, reason in list(self._problems.items())[:3])
        return [SourcePosition(self.kind, shown(str(self._folder)), None, 0, problem)]

    async def run(self, deliver: Deliver) -> None:
        """Hands over what is there, then looks `pace` seconds later again (later where there is no folder yet); until
        cancelled."""
        while True:
            while self._changed():
                batch = await anyio.to_thread.run_sync(self._next, limiter=self._thread)
                if batch.records:
                    await self._hand_over(batch.records, deliver)
                    await anyio.to_thread.run_sync(self._remove, batch, limiter=self._thread)
                if not batch.more:
                    break
            await self._sleep(self._pace if self._seen >= 0 else max(self._pace, SPOOL_ABSENT_SECONDS))

    async def _hand_over(self, records: Sequence[Record], deliver: Deliver) -> None:
        while True:
            try:
                ticket = await deliver(records)
                await ticket.wait()
                return
            except TryAgain:  # nothing of the batch was stored
                await self._sleep(DISK_FULL_RETRY_SECONDS)

    def _changed(self) -> bool:
        """Whether to list the folder. Change times are coarse: after a change it is listed twice. One `stat` of
        a folder that lies beside the log costs less than handing it to a thread: some 2 µs against 100."""
        try:
            changed = self._folder.stat().st_mtime_ns
        except OSError:
            self._seen = -1
            return False
        self._looks += 1
        if not self._looks % SURE_LOOKS:
            self._problems.clear()
        if changed == self._seen and self._settled and self._looks % SURE_LOOKS:
            return False
        self._settled = changed == self._seen
        self._seen = changed
        return True

    def _next(self) -> _Batch:
        """Reads the oldest files, as many as fit into one batch."""
        records: list[Record] = []
        gone: list[str] = []
        aside: list[str] = []
        found, more = files(self._folder, self._problems)
        for one in found:
            record = self._read(one)
            if record is None:
                continue
            records.append(record)
            (aside if one.too_large else gone).append(one.name)
        return _Batch(records, gone, aside, more)

    def _read(self, one: Found) -> Record | None:
        if one.unfinished and self._now() - one.mtime_ns / 1e9 < SPOOL_UNFINISHED_SECONDS:
            return None
        try:
            return accident(self._folder, one) if one.unfinished else record_of(self._folder, one)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._problems[one.name] = error.strerror or str(error)
            return None

    def _remove(self, batch: _Batch) -> None:
        """What cannot be removed is recognised when it is read again."""
        for name in batch.gone:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                self._problems[name] = error.strerror or str(error)
        for name in batch.aside:
            try:
                (self._folder / SET_ASIDE).mkdir(exist_ok=True)
                (self._folder / name).replace(self._folder / SET_ASIDE / name)
            except OSError as error:
                self._problems[name] = error.strerror or str(error)
