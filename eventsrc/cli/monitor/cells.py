"""What stands in a cell: short, in human units, and harmless. Pure; the reader's clock is an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from eventsrc.cli.output import duration, moment
from eventsrc.query import harmless

Row: TypeAlias = Mapping[str, Any]
QUIET_SECONDS = 30.0
"""Without a sign of life for so long, a session that should work is called silent."""
WHOLE = 2_000
"""Characters of a cell that is looked at: more than any screen is wide."""


class Column(msgspec.Struct, frozen=True):
    """One column of a list."""

    title: str
    text: Callable[[Row, float], str]
    """(row, now) → what stands there."""
    width: int = 0
    """Cells; 0 takes what the others leave."""
    order: Callable[[Row, float], Any] | None = None
    """What the column sorts by, when that is not its text; None sorts last."""
    since: int = 0
    """Shown when the terminal has at least so many columns."""
    right: bool = False


def plain(name: str, title: str, width: int = 0, *, since: int = 0, right: bool = False) -> Column:
    """A value as it is."""
    return Column(title, lambda row, now: text_of(row.get(name)), width, lambda row, now: row.get(name), since, right)


def ago(name: str, title: str, width: int = 8, *, since: int = 0) -> Column:
    """How long ago a time was."""
    return Column(
        title, lambda row, now: age(row.get(name), now), width, lambda row, now: _since(row, name, now), since, True
    )


def lasted(name: str, title: str, width: int = 8, *, since: int = 0) -> Column:
    """A number of milliseconds."""
    return Column(
        title,
        lambda row, now: "" if row.get(name) is None else duration(row[name] / 1000),
        width,
        lambda row, now: row.get(name),
        since,
        True,
    )


def counted(name: str, title: str, width: int = 6, *, since: int = 0) -> Column:
    """A number that may be large; nothing where it is 0."""
    return Column(title, lambda row, now: compact(row.get(name)), width, lambda row, now: row.get(name), since, True)


def at(name: str, title: str, *, since: int = 0) -> Column:
    """A moment, in the reader's time zone."""
    return Column(
        title,
        lambda row, now: "" if row.get(name) is None else moment(row[name]),
        19,
        lambda row, now: row.get(name),
        since,
    )


def text_of(value: object) -> str:
    """One line, however many the value has."""
    return "" if value is None else harmless(" ".join(str(value)[:WHOLE].split()))


def age(time: float | None, now: float) -> str:
    """How long ago, without the tenths that would flicker."""
    if time is None:
        return ""
    seconds = max(0.0, now - time)
    if seconds >= 10 * 86_400:
        return f"{seconds / 86_400:.0f}d"
    return f"{seconds:.0f}s" if seconds < 60 else duration(seconds)


def compact(number: float | None) -> str:
    """1234567 → `1.2M`."""
    if not number:
        return ""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            short = number / size
            return f"{short:.1f}{sign}" if short < 10 else f"{short:.0f}{sign}"
    return f"{number:g}"


def state(row: Row, now: float) -> str:
    """What a session does, as far as its records tell and the clock."""
    if not row.get("is_active"):
        return str(row.get("round_state") or "ended")
    if row.get("waiting_reason"):
        return "asks you"
    if row.get("tool_name"):
        return "tool"
    if row.get("round_state") != "open":
        return "idle"
    quiet = _since(row, "last_activity_time", now)
    return "silent" if quiet is not None and quiet > QUIET_SECONDS else "works"


def _since(row: Row, name: str, now: float) -> float | None:
    return None if row.get(name) is None else now - row[name]
