"""Points in time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from eventsrc.errors import UsageError

_AGO = re.compile(r"\s*(\d+)\s*(s|sec|m|min|h|hour|d|day)s?(\s+ago)?\s*", re.IGNORECASE)
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment_of(text: object, now: float) -> float | None:
    """A point in time as people write it: RFC 3339 (without a zone: the reader's own), `today`, `10 min ago`, `2h`."""
    if text is None:
        return None
    words = str(text).strip()
    if found := _AGO.fullmatch(words):
        return now - int(found[1]) * _UNIT[found[2][0].lower()]
    today = datetime.fromtimestamp(now, UTC).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return (named.get(words.lower()) or datetime.fromisoformat(words).astimezone()).timestamp()
    except ValueError as error:
        raise UsageError(reason=f"{words!r} is not a time; write 2026-01-10T10:00, 'today' or '10 min ago'") from error
