"""Which columns a list has at a width, how wide they are, and what stands in each cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len, set_cell_size

from eventsrc.cli.fit import shortened
from eventsrc.cli.monitor.cells import Column, Row

GAP = 1
NATURAL_MOST = 24
"""Cells of a column of a list that nobody described."""
REST_LEAST = 10
"""What the column that takes the rest gets at least; else the last columns go."""


class Place(msgspec.Struct, frozen=True):
    """A column on the screen."""

    number: int
    """Among all columns of the list."""
    column: Column
    width: int


def places(columns: Sequence[Column], rows: Sequence[Row], width: int, now: float) -> list[Place]:
    """The columns that a terminal of `width` cells has room for; at least the first."""
    wanted = [
        Place(number, column, _wanted(column, rows, now))
        for number, column in enumerate(columns)
        if column.since <= width
    ]
    while len(wanted) > 1 and _total(wanted) > width:
        fixed = [place for place in wanted if place.column.width]
        wanted.remove(fixed[-1] if fixed and fixed[-1] is not wanted[0] else wanted[-1])
    rest = width - _total(wanted)
    grown: list[Place] = []
    for place in wanted:
        takes = place.column.width == 0 and rest > 0
        grown.append(msgspec.structs.replace(place, width=place.width + rest) if takes else place)
        rest = 0 if takes else rest
    return grown


def line(row: Row, shown: Sequence[Place], now: float) -> list[str]:
    """The cells of a row, each exactly as wide as its column and the gap after it."""
    return [fitted(place.column.text(row, now), place.width, right=place.column.right) for place in shown]


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly so many cells, and the gap."""
    text = shortened(text, width)
    if right:
        text = " " * (width - cell_len(text)) + text
    return set_cell_size(text, width + GAP)


def sorted_rows(rows: Sequence[Row], column: Column | None, *, down: bool, now: float) -> list[Row]:
    """Rows by a column, those without a value last; without a column as they came."""
    if column is None:
        return list(rows)
    by = column.order or column.text
    valued = [(by(row, now), number, row) for number, row in enumerate(rows)]
    none = [row for value, _, row in valued if value in (None, "")]
    some = [one for one in valued if one[0] not in (None, "")]
    some.sort(key=lambda one: one[0] if isinstance(one[0], int | float) else str(one[0]), reverse=down)
    return [row for _, _, row in some] + none


def holds(row: Row, columns: Sequence[Column], words: str, now: float) -> bool:
    """Whether a row has all the words, in whatever column, however they are written."""
    text = " ".join(column.text(row, now) for column in columns)
    found = " ".join([text, *(str(value) for name, value in row.items() if name.endswith("id") and value)]).casefold()
    return all(word in found for word in words.casefold().split())


def _wanted(column: Column, rows: Sequence[Row], now: float) -> int:
    if column.width > 0:
        return column.width
    if column.width == 0:
        return REST_LEAST
    return min(NATURAL_MOST, max([cell_len(column.title), *(cell_len(column.text(row, now)) for row in rows[:200])]))


def _total(shown: Sequence[Place]) -> int:
    return sum(place.width + GAP for place in shown)
