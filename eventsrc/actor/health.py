"""Health means progress, not existence: work that waits and does not move is the only way to be unhealthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eventsrc.actor.mailbox import Mailbox
from eventsrc.clock import Clock, SystemClock
from eventsrc.limits import PROGRESS_SECONDS


class Pulse(msgspec.Struct, frozen=True):
    """What an actor tells about its work, at one instant."""

    waiting: int
    """How much it still has to do, what it has in hand included; 0 = idle, and an idle actor is healthy."""
    done: int
    """How much it has done so far; any change is progress."""


class ActorHealth(msgspec.Struct, frozen=True):
    """One actor, as last looked at."""

    name: str
    waiting: int
    last_progress: float
    """Seconds since the epoch: when it was last seen to have moved, or to have nothing to do."""
    stuck: bool


class Health(msgspec.Struct, frozen=True):
    """All of them."""

    actors: tuple[ActorHealth, ...]

    @property
    def healthy(self) -> bool:
        return not any(actor.stuck for actor in self.actors)

    @property
    def reason(self) -> str:
        """Which ones stand still; empty when healthy."""
        return ", ".join(
            f"{actor.name} makes no progress ({actor.waiting} waiting)" for actor in self.actors if actor.stuck
        )


class _Watched:
    def __init__(self, pulse: Callable[[], Pulse], done: int, moved: float, wall: float) -> None:
        self.pulse = pulse
        self.done = done
        self.moved = moved  # monotonic: a verdict must not follow a wall clock that jumps
        self.wall = wall


class Heartbeat:
    """Looks at every actor's pulse whenever it is asked; call `check` more often than `patience`."""

    def __init__(self, *, clock: Clock | None = None, patience: float = PROGRESS_SECONDS) -> None:
        self._clock = clock or SystemClock()
        self._patience = patience
        self._watched: dict[str, _Watched] = {}

    def watch(self, name: str, pulse: Callable[[], Pulse]) -> None:
        """Looks at this actor from now on; `pulse` must be cheap and must not raise."""
        clock = self._clock
        self._watched[name] = _Watched(pulse, pulse().done, clock.monotonic(), clock.now())

    def forget(self, name: str) -> None:
        """An actor that has ended is no longer looked at."""
        self._watched.pop(name, None)

    def check(self) -> Health:
        """Takes every pulse and says who stands still."""
        return Health(tuple(self._look(name, watched) for name, watched in self._watched.items()))

    def _look(self, name: str, watched: _Watched) -> ActorHealth:
        pulse = watched.pulse()
        now = self._clock.monotonic()
        if pulse.done != watched.done or pulse.waiting == 0:
            watched.done, watched.moved, watched.wall = pulse.done, now, self._clock.now()
        stuck = now - watched.moved >= self._patience
        return ActorHealth(name, pulse.waiting, watched.wall, stuck)


def mailbox_pulse(mailbox: Mailbox[Any]) -> Callable[[], Pulse]:
    """The pulse of an actor that only serves its mailbox: it is done with what it took when it asks for more."""

    def pulse() -> Pulse:
        stats = mailbox.stats()
        return Pulse(waiting=stats.waiting + stats.in_hand, done=stats.out_total - stats.in_hand)

    return pulse
