"""How often folders are looked at. Pure."""

from __future__ import annotations

from eventsrc.limits import IDLE_LOOK_SECONDS, LOOK_SECONDS

DUTY = 4
"""A look costs; after one that was asked for by hints, the next waits this many times as long as it took."""


class Pace:
    """Quick after something happened, slower and slower while nothing does."""

    def __init__(self, busy: float = LOOK_SECONDS, idle: float = IDLE_LOOK_SECONDS) -> None:
        self._busy = busy
        self._idle = idle
        self.seconds = busy
        """Until the next periodic look."""

    def looked(self, different: bool) -> None:
        """Takes what a periodic look found."""
        self.seconds = self._busy if different else min(self._idle, self.seconds * 1.5)
