"""The times that agents write on messages: with a zone, or a wall time that nobody says the zone of.

A wall time stays what it is (`written`), and its instant is derived where the record lets it be: ids of the mesh end in
milliseconds since the epoch, taken in the instant of the wall time, so their difference is the writer's offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

OFFSET_STEP = 900.0  # offsets of time zones are whole quarters of an hour
OFFSET_MOST = 14 * 3600.0  # the largest offset that any zone has
OFFSET_SLACK = 5.0  # between taking the id and taking the wall time; more means that the two are not of one instant
_MILLISECONDS = re.compile(r"_(\d{13})$", re.ASCII)
_EARLIEST, _LATEST = 0.0, 253_402_300_799.0  # years 1970 to 9999: what RFC 3339 and every reader of it can tell


class When(msgspec.Struct, frozen=True):
    """A written time and what it is worth."""

    time: float | None = None
    """Seconds since the epoch; None without a time that can be read."""
    written: str = ""
    tz_source: str = ""
    """`zone`, `message_id`, `unknown` (taken as if it were UTC) or ""."""


def when(value: object, message_id: str = "") -> When:
    """A written time; `message_id` may tell its zone."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return When(float(value), str(value), "zone") if _EARLIEST <= value <= _LATEST else When(None, str(value))
    if not isinstance(value, str) or not value:
        return When()
    moment = _moment(value)
    if moment is None:
        return When(None, value)
    if moment.tzinfo is not None:
        return When(moment.timestamp(), value, "zone")
    wall = moment.replace(tzinfo=UTC).timestamp()
    offset = _offset(wall, message_id)
    return When(wall, value, "unknown") if offset is None else When(wall - offset, value, "message_id")


def beside(value: object, message: When) -> float | None:
    """When an observer saw a message. Its wall time is taken to be of the zone that the message's id told: whoever
    observes runs, as a rule, beside whoever writes. None where nothing is written."""
    seen = when(value)
    if seen.tz_source != "unknown" or message.tz_source != "message_id":
        return seen.time
    wall = when(message.written).time
    assert seen.time is not None and wall is not None and message.time is not None, "both were read before"
    return seen.time - (wall - message.time)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if _EARLIEST + OFFSET_MOST <= seconds <= _LATEST - OFFSET_MOST else None


def _offset(wall: float, message_id: str) -> float | None:
    """Seconds that the wall time is ahead of UTC; None when the id does not tell."""
    found = _MILLISECONDS.search(message_id)
    if found is None:
        return None
    ahead = wall - int(found[1]) / 1000
    offset = round(ahead / OFFSET_STEP) * OFFSET_STEP
    return offset if abs(offset) <= OFFSET_MOST and abs(ahead - offset) <= OFFSET_SLACK else None
