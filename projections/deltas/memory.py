"""Rows of one table by their key: the latest in memory, others looked up, what changed written once per batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from eventsrc.plugin import Gone

KEPT = 20_000  # rows of a table in memory, up to 10 MB; others are looked up by their key

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """`rows` and `changed` may be looked at and filled by whoever has a row in hand; `get` and `put` do it for any."""

    def __init__(self, connection: sqlite3.Connection, table: str, where: str, made: Callable[[Any], V]) -> None:
        """`where`: SQL that finds a key; `made`: the value of a row of the table."""
        self._connection = connection
        self._table = table
        self._select = f"SELECT * FROM {table} WHERE {where}"
        self._made = made
        self.rows: dict[K, V] = {}
        self.changed: dict[K, V] = {}
        began_empty = connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None
        self._gone = Gone() if began_empty else None  # of a table that was empty at the start it is known what it had

    def get(self, key: K) -> V | None:
        """The row with this key; None when there is none."""
        value = self.rows.get(key)
        if value is None and (self._gone is None or key in self._gone):
            found = self._connection.execute(self._select, key if isinstance(key, tuple) else (key,)).fetchone()
            if found is not None:
                value = self.rows[key] = self._made(found)
        return value

    def put(self, key: K, value: V) -> V:
        """A row that is new, or changed."""
        self.rows[key] = self.changed[key] = value
        return value

    def forget(self, key: K) -> None:
        """Takes a row out of the memory and of what is written; that of the table is the caller's."""
        self.rows.pop(key, None)
        self.changed.pop(key, None)

    def flush(self, rows: Iterable[tuple[Any, ...]], columns: int) -> None:
        """Writes `rows`, which are those of `changed` with all of their columns."""
        if self.changed:
            sql = f"INSERT OR REPLACE INTO {self._table} VALUES ({', '.join('?' * columns)})"
            self._connection.executemany(sql, rows)
            self.changed.clear()
        if len(self.rows) > KEPT:
            if self._gone is not None:
                self._gone.add(self.rows)
            self.rows.clear()
