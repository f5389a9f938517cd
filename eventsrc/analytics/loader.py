"""The actor that has ended experiments loaded: it starts a child for each, and appends what came of it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.to_thread
import msgspec

from eventsrc.clock import Clock
from eventsrc.errors import TryAgain
from eventsrc.event import Envelope, Position, Record
from eventsrc.limits import (
    LOAD_IDLE_SECONDS,
    LOAD_LOOK_SECONDS,
    LOAD_RETRY_MOST_SECONDS,
    LOAD_RETRY_SECONDS,
    LOAD_TRIES,
)
from eventsrc.source.port import Deliver

logger = logging.getLogger(__name__)
LOADED = "eventsrc.experiment.loaded"


class Due(msgspec.Struct, frozen=True):
    """An experiment that is not in the database as it stands."""

    id: str
    through: Position
    """Of its last event."""


class Outcome(msgspec.Struct, frozen=True):
    """What a child said."""

    rows: int = 0
    rejected: int = 0
    problem: str = ""
    """Why it failed; "" when it did not."""


class _Attempts(msgspec.Struct):
    made: int = 0
    not_before: float = 0.0


class Loader:
    """Looks every few seconds when the log has grown, and now and then anyway: silence can be an end too.

    A load that fails is tried again, later each time, LOAD_TRIES times; then not before the experiment has further
    events, or the service starts again. Nothing else waits for it. Holds nothing that must survive, so it is ended by
    cancellation; the child is ended with it, and its transaction is undone.
    """

    name = "loader"

    def __init__(
        self,
        due: Callable[[], Sequence[Due]],
        load: Callable[[Due], Awaitable[Outcome]],
        deliver: Deliver,
        head: Callable[[], Position],
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`due` is asked on a worker thread and may block. `load` runs a child; it raises nothing of its own."""
        self._due = due
        self._load = load
        self._deliver = deliver
        self._head = head
        self._clock = clock
        self._sleep = sleep
        self._attempts: dict[Due, _Attempts] = {}
        self._seen: Position = -1
        self._looked = -LOAD_IDLE_SECONDS
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        while True:
            if self._is_time():
                await self.look()
            await self._sleep(LOAD_LOOK_SECONDS)

    async def look(self) -> None:
        """One look: loads what is due and may be tried now."""
        self._seen, self._looked = self._head(), self._clock.monotonic()
        due = await anyio.to_thread.run_sync(self._due, limiter=self._thread)
        self._attempts = {one: self._attempts.get(one, _Attempts()) for one in due}
        for one in due:
            attempts = self._attempts[one]
            if attempts.made < LOAD_TRIES and self._clock.monotonic() >= attempts.not_before:
                await self._attempt(one, attempts)

    def _is_time(self) -> bool:
        waiting = any(0 < one.made < LOAD_TRIES for one in self._attempts.values())
        idle = self._clock.monotonic() - self._looked >= LOAD_IDLE_SECONDS
        return waiting or idle or self._head() != self._seen

    async def _attempt(self, due: Due, attempts: _Attempts) -> None:
        outcome = await self._load(due)
        if not outcome.problem:
            await self._tell(due, outcome)
            return
        attempts.made += 1
        pause = min(LOAD_RETRY_SECONDS * 2.0 ** (attempts.made - 1), LOAD_RETRY_MOST_SECONDS)
        attempts.not_before = self._clock.monotonic() + pause
        ahead = f"tried again in {pause:.0f} s" if attempts.made < LOAD_TRIES else "not tried again by itself"
        logger.warning("experiment %s was not loaded, %s: %s", due.id, ahead, outcome.problem)

    async def _tell(self, due: Due, outcome: Outcome) -> None:
        """What is not durable now is loaded once more, which changes nothing, and told then."""
        try:
            ticket = await self._deliver([record_of(due, outcome)])
            await ticket.wait()
        except TryAgain as error:
            logger.warning("that experiment %s was loaded is told later: %s", due.id, error)
            return
        logger.info("experiment %s was loaded: %d rows, %d rejected", due.id, outcome.rows, outcome.rejected)


def record_of(due: Due, outcome: Outcome) -> Record:
    """The record of a load; the same load told twice is one event."""
    data = msgspec.json.encode(
        {"experiment_id": due.id, "rows": outcome.rows, "rejected": outcome.rejected, "through": due.through}
    )
    return Record(
        source="urn:eventsrc:analytics",
        data=data,
        id=hashlib.sha256(data).hexdigest()[:32],
        envelope=Envelope(LOADED, f"experiment/{due.id}"),
        unique=True,
    )
