"""Time as an argument.

Every room that needs the time is given a `Clock`; nothing else in eventsrc asks the machine for it, so a test can turn
the hands. Projections never get one (law L9).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps, monotonic time for durations."""

    def now(self) -> float:
        """Seconds since the epoch, UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def format_time(seconds: float) -> str:
    """Seconds since the epoch → RFC 3339 in UTC with microseconds, e.g. `2026-01-10T10:00:02.000000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float | None:
    """RFC 3339 with a zone → seconds since the epoch; None when it is not that (a time without zone is not one)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
