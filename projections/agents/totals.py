"""Sums kept beside the rows they are of, so that a question about everything reads thousands of rows, not millions.

A sum is of the rows of one slot, an hour or a day (UTC) of the rows' own times: small enough that what is left of one
can be counted row by row, large enough that there are few. It is in whole numbers: adding in another order, or in
other batches, gives the same row (law L5), which adding floats would not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import msgspec

from projections.agents.table import CACHE_ROWS, Table

R = TypeVar("R", bound=msgspec.Struct)

Share: TypeAlias = tuple[tuple[Any, ...], tuple[int, ...]]
"""What one row adds: the key of the sum it belongs to, and the numbers."""

HOUR, DAY = 3_600, 86_400
UNTIMED = -1_000_000_000
"""The slot of rows without a time: before every one that a calendar of four digits has."""
MOST = 10**13
"""What one row adds at most (100 days of a tool, in microseconds), so that a million of them fit into 64 bits: a number
that nobody can have meant does not keep the others from being counted."""


def slot_of(time: float | None, seconds: int) -> int:
    """The number, since the epoch, of the slot of so many seconds that a time falls into."""
    return int(time // seconds) if time is not None and abs(time) < MOST else UNTIMED


def bounded(number: float) -> int:
    """A whole number that can be summed up; 0 for what is none."""
    return round(max(-MOST, min(MOST, number))) if number == number else 0


class Totals:
    """One table of sums: its key columns, a count of rows named `rows`, then the numbers in the order of the shares."""

    def __init__(
        self, connection: sqlite3.Connection, name: str, key: tuple[str, ...], numbers: tuple[str, ...]
    ) -> None:
        columns = (*key, "rows", *numbers)
        sums = ", ".join(f"{column} = {column} + excluded.{column}" for column in ("rows", *numbers))
        self._connection = connection
        self._add = f"""INSERT INTO {name}({", ".join(columns)}) VALUES ({", ".join("?" * len(columns))})
            ON CONFLICT ({", ".join(key)}) DO UPDATE SET {sums}"""
        self._clear = f"DELETE FROM {name} WHERE {' AND '.join(f'{column} = ?' for column in key)} AND rows = 0"
        self._changes: dict[tuple[Any, ...], list[int]] = {}
        self._less: dict[tuple[Any, ...], None] = {}

    def change(self, before: Share | None, after: Share | None) -> None:
        """A row that added `before` adds `after` from now on; None: it is not there."""
        if before == after:
            return
        if before is not None:
            self._count(before, -1)
            self._less[before[0]] = None
        if after is not None:
            self._count(after, 1)

    def flush(self) -> None:
        """Writes what changed. A sum of nothing is not there, as if it had never been."""
        self._connection.executemany(self._add, ((*key, *numbers) for key, numbers in self._changes.items()))
        self._connection.executemany(self._clear, self._less)
        self._changes.clear()
        self._less.clear()

    def _count(self, share: Share, sign: int) -> None:
        key, numbers = share
        sums = self._changes.get(key)
        if sums is None:
            sums = self._changes[key] = [0] * (len(numbers) + 1)
        sums[0] += sign
        for place, number in enumerate(numbers, 1):
            sums[place] += sign * number


class SummedTable(Table[R]):
    """A table whose rows are summed up: what a row added before this batch is taken back when it is written anew."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        row: type[R],
        share: Callable[[R], Share],
        totals: Totals,
        *,
        keep: int = CACHE_ROWS,
    ) -> None:
        super().__init__(connection, name, row, keep=keep)
        self._share = share
        self._totals = totals
        self._before: dict[Any, Share | None] = {}

    def get(self, key: Any) -> R | None:
        """The row, which the caller may change in place: so what it adds is noted now."""
        row = self.rows.get(key) or super().get(key)
        if key not in self._before:
            self._before[key] = None if row is None else self._share(row)
        return row

    def put(self, key: Any, row: R) -> R:
        """A row that changed, or a new one: that there was none must have been asked."""
        assert key in self._before, "a row is looked up before it is written"
        return super().put(key, row)

    def flush(self) -> None:
        """Writes the rows that changed, then their sums."""
        for key, before in self._before.items():
            row = self.changed.get(key)
            if row is not None:
                self._totals.change(before, self._share(row))
            elif key in self._dropped:
                self._totals.change(before, None)
        self._before.clear()
        super().flush()
        self._totals.flush()
