"""In which order a service ends, and what is said about what did not."""

from __future__ import annotations

import enum

import msgspec


class Stage(enum.IntEnum):
    """The order of the drain: a stage is asked to end only after the one before has ended."""

    SOURCE = 1
    """Whoever brings records, the prober and the push listener included."""
    INGEST = 2
    LOG = 3
    PROJECTOR = 4
    CHECKPOINT = 5
    WATCH = 6
    """Whoever looks at the others: watchdog, status. They see the drain to its end."""


class Leftover(msgspec.Struct, frozen=True):
    """An actor that had to be cancelled, with what still waited for it: found again in the log or the source."""

    actor: str
    stage: Stage
    waiting: int
    """Items in its mailbox, and what it had in hand; 0 for an actor without one."""
    weight: int


class DrainReport(msgspec.Struct, frozen=True):
    """How the end went."""

    seconds: float
    drained: tuple[str, ...]
    """Actors that ended by themselves, in the order in which they did."""
    leftovers: tuple[Leftover, ...]

    @property
    def complete(self) -> bool:
        """True when nothing had to be cancelled."""
        return not self.leftovers

    def __str__(self) -> str:
        if self.complete:
            return f"drained {len(self.drained)} actors in {self.seconds:.2f} s"
        rest = ", ".join(f"{left.actor} ({left.waiting} waiting)" for left in self.leftovers)
        return f"not drained after {self.seconds:.2f} s: {rest}"
