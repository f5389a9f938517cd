"""The actor that watches the processes of sessions, and appends what it sees."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from eventsrc.errors import TryAgain
from eventsrc.limits import BATCH_EVENTS, HELD_PROCESSES, PROBE_SECONDS
from eventsrc.liveness.identity import Found, Presence, Processes, judge
from eventsrc.liveness.probe import system_processes
from eventsrc.liveness.sight import Sight, Watched, news, record_of
from eventsrc.liveness.survey import Survey, survey
from eventsrc.source.port import Deliver

logger = logging.getLogger(__name__)


class _Held:
    """A process that cannot be mistaken: the number is not given away before its descriptor says so."""

    def __init__(self, fd: int, found: Found) -> None:
        self.found = found
        self.ended = False
        self.scope = anyio.CancelScope()
        self._fd = fd

    async def follow(self, wake: Callable[[], None]) -> None:
        """Waits for the end and wakes the prober; the descriptor is kept until the prober lets go of it."""
        try:
            with self.scope:
                await anyio.wait_readable(self._fd)
                self.ended = True
                wake()
                await anyio.sleep_forever()
        finally:
            os.close(self._fd)

    def ending(self, found: Found, processes: Processes) -> Found:
        """How it ended. Its zombie tells; when there was none any more at the last look, it had been reaped, and the
        descriptor tells. Whatever else has its number by now tells nothing."""
        if found.presence is Presence.ENDED and found.started == self.found.started:
            return found
        return Found(Presence.ENDED, self.found.started, processes.exit_code(self._fd))


class Prober:
    """Looks every `pace` seconds, and at once when a held process ends.

    Give it only processes of this machine and of its pid namespace: a number from elsewhere means somebody else here.
    Where the wall clock was set forward between a record and the first look, a living process can look reused.
    Holds nothing that must survive, so it is ended by cancellation.
    """

    name = "liveness"

    def __init__(
        self,
        watched: Callable[[], Sequence[Watched]],
        deliver: Deliver,
        *,
        processes: Processes | None = None,
        pace: float = PROBE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        probed: Callable[[str], None] = lambda verdict: None,
    ) -> None:
        """`watched` is asked on a worker thread and may block (a query). `probed` hears each verdict, for metrics."""
        self._watched = watched
        self._deliver = deliver
        self._processes = processes or system_processes()
        self._pace = pace
        self._sleep = sleep
        self._probed = probed
        self._told: dict[tuple[str, int], Sight] = {}
        self._held: dict[int, _Held] = {}
        self._wake = anyio.Event()
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        async with anyio.create_task_group() as group:
            while True:
                self._wake = anyio.Event()  # before the look: an end that comes during it is not missed
                seen = await self._survey()
                endings = self._hold(seen, group)
                await self._tell(list(self._news(seen, endings)))
                await self._rest()

    async def _survey(self) -> Survey:
        held = {pid for pid, held in self._held.items() if not held.ended}
        ended = self._held.keys() - held
        room = HELD_PROCESSES - len(held)
        seen = await anyio.to_thread.run_sync(
            survey, self._watched, self._processes, held, ended, room, limiter=self._limiter
        )
        if seen.left_out:
            logger.warning("%d processes are not watched: there are too many", seen.left_out)
        return seen

    def _hold(self, seen: Survey, group: TaskGroup) -> dict[int, Found]:
        """Takes new descriptors, lets go of those that nobody watches; returns how the ended ones ended."""
        endings = {
            pid: held.ending(seen.found[pid], self._processes)
            for pid, held in self._held.items()
            if held.ended and pid in seen.found
        }
        watched = {one.pid for one in seen.watched}
        for pid, held in list(self._held.items()):
            if pid not in watched or pid in endings:
                held.scope.cancel()
                del self._held[pid]
        for pid, fd in seen.fds.items():
            held = self._held[pid] = _Held(fd, seen.found[pid])
            group.start_soon(held.follow, self._look_now)
        return endings

    def _news(self, seen: Survey, endings: dict[int, Found]) -> Iterator[Sight]:
        """What there is to tell, and forgets what is no longer watched."""
        keys = {(one.sid, one.pid) for one in seen.watched}
        self._told = {key: sight for key, sight in self._told.items() if key in keys}
        for one in seen.watched:
            found = endings.get(one.pid) or seen.found.get(one.pid)
            if found is None:
                held = self._held.get(one.pid)
                if held is None:
                    continue
                found = held.found
            verdict = judge(
                found, seen.boot, expected_start=one.process_started, seen_time=one.seen_time, boot_id=one.boot_id
            )
            self._probed(verdict.value)
            told = self._told.get((one.sid, one.pid))
            sight = news(one, verdict, found, seen.boot.id, told)
            if sight is not None:
                yield sight

    async def _tell(self, sights: list[Sight]) -> None:
        """Appends; only what is durable counts as told, the rest is told again after the next look."""
        for first in range(0, len(sights), BATCH_EVENTS):
            batch = sights[first : first + BATCH_EVENTS]
            try:
                ticket = await self._deliver([record_of(sight) for sight in batch])
                await ticket.wait()
            except TryAgain as error:
                logger.warning("what was seen of processes is told later: %s", error)
                return
            self._told |= {(sight.watched.sid, sight.watched.pid): sight for sight in batch}

    async def _rest(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._nap)
            await self._wake.wait()
            group.cancel_scope.cancel()

    async def _nap(self) -> None:
        await self._sleep(self._pace)
        self._look_now()

    def _look_now(self) -> None:
        self._wake.set()
