"""Runs the actors, decides what a failure means, and ends them in order.

The only place in eventsrc that catches `Exception`: an actor that failed in a way nobody foresaw is thrown away, and a
new one is made on the same mailbox. What the old one had in hand is found again in the log or in the source.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import msgspec
from anyio.abc import TaskGroup

from eventsrc.actor.drain import DrainReport, Leftover, Stage
from eventsrc.actor.mailbox import Mailbox
from eventsrc.actor.policy import Again, GiveUp, Intensity, Policy, Skip, decide
from eventsrc.actor.protocol import Actor
from eventsrc.clock import Clock, SystemClock
from eventsrc.errors import ActorFailed
from eventsrc.limits import DRAIN_SECONDS

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor has to know about one actor."""

    name: str
    make: Callable[[], Actor]
    """Gives a fresh actor; called once at the start and after each failure. State that must outlive one is outside."""
    policy: Policy
    stage: Stage
    close: Callable[[], None] | None = None
    """Asks the actor to end, usually `mailbox.close`. None: it is cancelled, which is right for an actor that holds
    nothing that is not durable elsewhere (a file source)."""
    mailbox: Mailbox[Any] | None = None
    """Counted in the drain report, and asked whether a failed actor had taken anything."""


class _Kept:
    """The supervisor's memory of one actor."""

    def __init__(self, charge: Charge) -> None:
        self.charge = charge
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.clean = False  # ended by itself, or by the cancellation that is its way to end
        self.restarts: deque[float] = deque()  # when, monotonic

    def leftover(self) -> Leftover:
        stats = self.charge.mailbox.stats() if self.charge.mailbox else None
        waiting, weight = (stats.waiting + stats.in_hand, stats.waiting_weight) if stats else (0, 0)
        return Leftover(self.charge.name, self.charge.stage, waiting, weight)


class Supervisor:
    """Keeps actors running until they are done, one of them gives up, or `stop` is called.

    supervisor = Supervisor()
    supervisor.add(Charge(name="log", make=lambda: writer, policy=Policy.STOP, stage=Stage.LOG, close=box.close))
    await supervisor.run()          # elsewhere, on a signal: report = await supervisor.stop()
    """

    def __init__(
        self,
        *,
        intensity: Intensity | None = None,
        clock: Clock | None = None,
        sleep: Sleep = anyio.sleep,
        restarted: Callable[[str], None] = lambda name: None,
        skipped: Callable[[str, Exception], None] = lambda name, error: None,
    ) -> None:
        """`restarted` is told the name of each actor that is made anew; `skipped` leaves the dead letter."""
        self._intensity = intensity or Intensity()
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._restarted = restarted
        self._skipped = skipped
        self._kept: dict[str, _Kept] = {}
        self._order: list[str] = []  # names in the order in which they ended by themselves
        self._group: TaskGroup | None = None
        self._failure: ActorFailed | None = None

    def add(self, charge: Charge) -> None:
        """Takes an actor in; it starts now when the supervisor runs, else with it. The name must be free."""
        old = self._kept.get(charge.name)
        assert old is None or old.ended.is_set(), f"two actors named {charge.name}"
        kept = self._kept[charge.name] = _Kept(charge)
        if self._group is not None:
            self._group.start_soon(self._keep, kept, name=charge.name)

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the actors that have not ended."""
        return tuple(name for name, kept in self._kept.items() if not kept.ended.is_set())

    async def run(self) -> None:
        """Returns when every actor has ended. Raises `ActorFailed`, with its cause, when one had to be given up."""
        assert self._group is None, "a supervisor runs once"
        try:
            async with anyio.create_task_group() as self._group:
                for kept in self._kept.values():
                    self._group.start_soon(self._keep, kept, name=kept.charge.name)
        finally:
            for kept in self._kept.values():  # those that were cancelled before they began
                kept.ended.set()
        if self._failure is not None:
            raise self._failure

    async def stop(self, seconds: float = DRAIN_SECONDS) -> DrainReport:
        """Ends stage after stage: sources first, then what they fed. What has not ended after `seconds` is cancelled.

        Returns when every actor has ended; `run` returns then too. May be called again while it works: a second call
        with fewer seconds shortens the wait.
        """
        began = self._clock.monotonic()
        async with anyio.create_task_group() as group:
            group.start_soon(self._deadline, seconds, group.cancel_scope)
            for stage in Stage:
                await self._end(stage)
            group.cancel_scope.cancel()
        late = [kept for kept in self._kept.values() if not kept.ended.is_set()]
        drained = tuple(self._order)
        leftovers = tuple(kept.leftover() for kept in late)  # counted before they are cancelled
        for kept in late:
            kept.scope.cancel()
        for kept in late:
            await kept.ended.wait()
        report = DrainReport(self._clock.monotonic() - began, drained, leftovers)
        logger.log(logging.INFO if report.complete else logging.WARNING, "%s", report)
        return report

    async def _deadline(self, seconds: float, scope: anyio.CancelScope) -> None:
        await self._sleep(seconds)
        scope.cancel()

    async def _end(self, stage: Stage) -> None:
        group = [kept for kept in self._kept.values() if kept.charge.stage is stage and not kept.ended.is_set()]
        for kept in group:
            if kept.charge.close is not None:
                kept.charge.close()
            else:
                kept.clean = True
                kept.scope.cancel()
        for kept in group:
            await kept.ended.wait()

    async def _keep(self, kept: _Kept) -> None:
        """One actor's whole life, failures included."""
        try:
            with kept.scope:
                while not await self._once(kept):
                    pass
                kept.clean = self._failure is None
            if kept.clean:
                self._order.append(kept.charge.name)
        finally:
            kept.ended.set()

    async def _once(self, kept: _Kept) -> bool:
        """One incarnation; True when there shall be no other."""
        taken = self._taken(kept.charge)
        try:
            await kept.charge.make().run()
        except Exception as error:  # noqa: BLE001 - an unforeseen failure is exactly what a supervisor is for
            return await self._after(kept, error, self._taken(kept.charge) > taken)
        return True

    async def _after(self, kept: _Kept, error: Exception, took_something: bool) -> bool:
        name = kept.charge.name
        restarts = self._recent(kept)
        match decide(kept.charge.policy, self._intensity, restarts, took_something):
            case GiveUp():
                self._give_up(name, restarts + 1, error)
                return True
            case Skip():
                logger.error("%s skipped what it had in hand: %s", name, error, exc_info=error)
                self._skipped(name, error)
            case Again(pause):
                logger.error("%s failed, starts again in %.1f s: %s", name, pause, error, exc_info=error)
                kept.restarts.append(self._clock.monotonic())
                self._restarted(name)
                await self._sleep(pause)
        return False

    def _recent(self, kept: _Kept) -> int:
        """Restarts within the window; never more than the intensity allows, so the memory of them is bounded."""
        past = self._clock.monotonic() - self._intensity.seconds
        while kept.restarts and kept.restarts[0] <= past:
            kept.restarts.popleft()
        return len(kept.restarts)

    def _give_up(self, name: str, times: int, error: Exception) -> None:
        logger.critical("%s is given up: %s", name, error, exc_info=error)
        failure = ActorFailed(name=name, times=times, seconds=self._intensity.seconds, reason=str(error))
        failure.__cause__ = error
        self._failure = self._failure or failure
        assert self._group is not None, "actors run inside the group"
        self._group.cancel_scope.cancel()

    @staticmethod
    def _taken(charge: Charge) -> int:
        return charge.mailbox.stats().out_total if charge.mailbox else 0
