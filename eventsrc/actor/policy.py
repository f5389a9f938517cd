"""What happens after an actor failed, decided without doing it."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from eventsrc.limits import BACKOFF_MOST_SECONDS, BACKOFF_SECONDS, RESTART_SECONDS, RESTARTS


class Policy(enum.Enum):
    """What the supervisor does with an actor whose `run` raised. A closed set."""

    RESTART = "restart"
    """Make a new one after a pause that doubles; too many within the window end the service."""
    SKIP = "skip"
    """Leave a dead letter for what it had in hand and make a new one at once, as long as each one takes something."""
    STOP = "stop"
    """End the service: going on would be wrong (the log writer after a failed sync, law L8)."""


class Intensity(msgspec.Struct, frozen=True):
    """How many failures are bad luck, and from when on they are a fault."""

    restarts: int = RESTARTS
    seconds: float = RESTART_SECONDS
    backoff: float = BACKOFF_SECONDS
    backoff_most: float = BACKOFF_MOST_SECONDS

    def pause(self, failures: int) -> float:
        """Seconds to wait after the n-th failure within the window."""
        doublings = min(failures - 1, 64)  # 2.0 ** 64 is far past any pause, and far from a float's end
        return min(self.backoff * 2.0**doublings, self.backoff_most)


class Again(msgspec.Struct, frozen=True):
    """Start a new actor after a pause."""

    pause: float


class Skip(msgspec.Struct, frozen=True):
    """Leave a dead letter, then start a new actor at once."""


class GiveUp(msgspec.Struct, frozen=True):
    """End the service."""


Decision: TypeAlias = Again | Skip | GiveUp


def decide(policy: Policy, intensity: Intensity, restarts: int, took_something: bool) -> Decision:
    """`restarts`: how many there were within the window. `took_something`: whether the failed actor had taken anything
    from its mailbox; one that did not would fail for ever at the same place, so it is restarted, not skipped."""
    match policy:
        case Policy.STOP:
            return GiveUp()
        case Policy.SKIP if took_something:
            return Skip()
        case _:
            return GiveUp() if restarts >= intensity.restarts else Again(intensity.pause(restarts + 1))
