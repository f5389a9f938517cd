"""The times in `sse_lines` records: UTC instants, local wall times without zone, and times inside ids.

All are seconds since the epoch. Records of one minute share their first 16 characters, so a minute is decoded once.
"""

from __future__ import annotations

from eventsrc.limits import TEXT_CACHE
from eventsrc.plugin import parse_time

minutes: dict[str, float] = {}
"""`2025-11-22T02:15:` → when that minute began, as far as remembered."""
seconds = {f"{second:02}.": float(second) for second in range(60)}
_LOCAL_MILLIS = {f"{milli:03}": milli / 1000 for milli in range(1000)}
millis = {f"{text}Z": part for text, part in _LOCAL_MILLIS.items()}


def instant(text: str | None) -> float | None:
    """An RFC 3339 time with zone; None when it is not one."""
    if text is None:
        return None
    try:
        return minutes[text[:17]] + seconds[text[17:20]] + millis[text[20:]]
    except KeyError:
        moment = parse_time(text)
        if moment is not None and len(text) == 24 and text[23] == "Z":
            _remember(text[:17])
        return moment


def wall(text: str | None) -> float | None:
    """A local time without zone, `YYYY-MM-DDTHH:MM:SS[.mmm]`, as if it were UTC; None when it is not one."""
    if text is None:
        return None
    try:
        return minutes[text[:17]] + seconds[text[17:20]] + _LOCAL_MILLIS[text[20:]]
    except KeyError:
        moment = parse_time(f"{text}Z")
        if moment is not None and len(text) == 23:
            _remember(text[:17])
        return moment


def uuid7_time(text: str) -> float | None:
    """The time in the first 48 bits of a UUIDv7; None when it is not one."""
    if len(text) != 36 or text[14] != "7" or text[8] != "-" or text[13] != "-":
        return None
    try:
        return int(text[:8] + text[9:13], 16) / 1000
    except ValueError:
        return None


def _remember(minute: str) -> None:
    """Takes `2025-11-22T02:15:`, the start of a time that is already known to be right."""
    start = parse_time(f"{minute}00Z")
    if start is not None:
        if len(minutes) >= TEXT_CACHE:
            minutes.clear()
        minutes[minute] = start
