"""An event from time to time, so that the way from the log to the read models is measured also when nothing happens;
and a look at two clocks, because a machine that slept must not make its agents look stalled (law L9).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import msgspec

from eventsrc.actor import Charge, Policy, Stage, Ticket
from eventsrc.clock import Clock, format_time
from eventsrc.errors import TryAgain
from eventsrc.event import Appended, Envelope, Position, Record
from eventsrc.limits import CLOCK_JUMP_SECONDS, CLOCK_LOOK_SECONDS

BEAT, WOKE = "eventsrc.heartbeat", "eventsrc.machine.woke"
SOURCE = "urn:eventsrc:service"


class Idle:
    """Tells what happened from the beats that the service writes itself."""

    def __init__(self) -> None:
        self._last_beat: Position = 0
        self._before: Position = 0

    def beat(self, position: Position) -> None:
        """A beat is at this position."""
        if position - 1 != self._last_beat:
            self._before = position - 1
        self._last_beat = position

    def activity(self, head: Position) -> Position:
        """The last position that is no beat of this process, where the head is `head`."""
        return self._before if head == self._last_beat else head


class Pacemaker:
    """Appends a beat every `every` seconds (0: never), and what the clocks say. Ended by cancellation."""

    name = "heartbeat"

    def __init__(
        self,
        deliver: Callable[[Sequence[Record]], Awaitable[Ticket[Appended]]],
        clock: Clock,
        idle: Idle,
        every: float,
        run_id: str,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`run_id` makes the ids of this process unique."""
        self._deliver = deliver
        self._clock = clock
        self._idle = idle
        self._every = every
        self._run_id = run_id
        self._sleep = sleep
        self._number = 0

    async def run(self) -> None:
        pause = min(self._every or CLOCK_LOOK_SECONDS, CLOCK_LOOK_SECONDS)
        offset, beaten = self._offset(), self._clock.monotonic()
        while True:
            await self._sleep(pause)
            jumped = self._offset() - offset
            due = bool(self._every) and self._clock.monotonic() - beaten >= self._every * 0.999
            records = []
            if abs(jumped) >= CLOCK_JUMP_SECONDS:
                records.append(self._record(WOKE, {"seconds": round(jumped, 3)}))
            if due:
                records.append(self._record(BEAT, {"every": self._every}))
            if not records or await self._append(records, beats=due):
                offset = offset if abs(jumped) < CLOCK_JUMP_SECONDS else offset + jumped
                beaten = self._clock.monotonic() if due else beaten

    def _offset(self) -> float:
        """Wall time minus time that the machine was awake."""
        return self._clock.now() - self._clock.monotonic()

    async def _append(self, records: Sequence[Record], *, beats: bool) -> bool:
        """False when there was no room: said again at the next look."""
        try:
            answer = await (await self._deliver(records)).wait()
        except TryAgain:
            return False
        if beats:
            self._idle.beat(answer.positions[-1])
        return True

    def _record(self, kind: str, data: dict[str, float]) -> Record:
        self._number += 1
        envelope = Envelope(kind, kind.removeprefix("eventsrc."), format_time(self._clock.now()))
        return Record(SOURCE, msgspec.json.encode(data), f"{self._run_id}:{self._number}", envelope=envelope)


def heartbeat_charge(make: Callable[[], Pacemaker]) -> Charge:
    """The actor, for the supervisor."""
    return Charge(name=Pacemaker.name, make=make, policy=Policy.RESTART, stage=Stage.SOURCE)
