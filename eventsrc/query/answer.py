"""What a question gives back. Values only."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from eventsrc.event import Position

Cell: TypeAlias = str | int | float | bytes | None
"""What SQLite holds in one column of one row."""


class Answer(msgspec.Struct, frozen=True):
    """The rows of one question."""

    columns: tuple[str, ...]
    """Names in the order of the SELECT; a name that repeats is numbered (`n`, `n_2`), so that rows can be objects."""
    rows: list[tuple[Cell, ...]]
    truncated: bool = False
    """True when there are more rows than one answer holds (`limits.QUERY_ROWS`, or what the caller asked for)."""

    def objects(self) -> list[dict[str, Cell]]:
        """The rows as one mapping each, columns in order."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Freshness(msgspec.Struct, frozen=True):
    """How far a read model has read the log."""

    name: str
    generation: int
    position: Position
    """The last event in the rows; 0 before the first."""
    head: Position
    """The last event in the log when the question was asked."""
    dead_letters: int = 0
    """Events that could not be applied: when there are any, the read model is incomplete."""

    @property
    def lag_events(self) -> int:
        """Events in the log that are not in the rows yet."""
        return max(0, self.head - self.position)


def distinct(names: list[str]) -> tuple[str, ...]:
    """Column names with repeats numbered, without ever running into a name that is there already."""
    taken: set[str] = set(names)
    seen: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 2
        while unique in seen or (unique != name and unique in taken):
            unique, number = f"{name}_{number}", number + 1
        seen.add(unique)
        result.append(unique)
    return tuple(result)
