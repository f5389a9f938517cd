"""The rows of one table: a memory before the database, and what the end of a batch writes."""

from __future__ import annotations

import sqlite3
from typing import Any, Generic, TypeVar

import msgspec

from eventsrc.plugin import Gone

CACHE_ROWS = 20_000  # rows of one table kept in memory (about 10 MB); others are looked up by their key
CONTENT_ROWS = 4_000  # the same where rows hold texts: some KB each, and what is looked up again is recent
EVICTED = 2  # one in so many goes when there are too many, the oldest first: seldom, and the recent ones stay

R = TypeVar("R", bound=msgspec.Struct)


class Table(Generic[R]):
    """The rows of one table: memory first, then the database; what changed is written once per batch.

    Of a table that was empty at the start it is known which rows have left the memory, so that filling it asks for
    hardly any other.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, row: type[R], *, key: int = 1, keep: int = CACHE_ROWS
    ) -> None:
        """`key`: how many of the first columns are the primary key; `keep`: rows that stay in memory."""
        columns = row.__struct_fields__
        self.name = name
        self._connection = connection
        self._row = row
        self._key = key
        self._keep = keep
        where = " AND ".join(f"{column} = ?" for column in columns[:key])
        self._select = f"SELECT {', '.join(columns)} FROM {name} WHERE {where}"
        self._replace = f"INSERT OR REPLACE INTO {name}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._delete = f"DELETE FROM {name} WHERE {where}"
        self.rows: dict[Any, R] = {}
        """Those in memory, for whoever asks for one with every fact; `get` finds the others, too."""
        self.changed: dict[Any, R] = {}
        """What the end of the batch writes. A row out of `rows` that was changed is put here under its key; `put` does
        it for any."""
        self._dropped: dict[Any, None] = {}
        self.began_empty = connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is None
        self._gone = Gone() if self.began_empty else None
        self._is_whole = self.began_empty
        """Every row is in memory."""

    def get(self, key: Any) -> R | None:
        """The row with this key (a tuple when it has several columns); None when there is none."""
        row = self.rows.get(key)
        if row is not None or self._is_whole:
            return row
        if (self._gone is not None and key not in self._gone) or key in self._dropped:
            return None
        found = self._connection.execute(self._select, key if self._key > 1 else (key,)).fetchone()
        if found is None:
            return None
        row = self.rows[key] = self._row(*found)
        return row

    def put(self, key: Any, row: R) -> R:
        """A new row, or one that changed."""
        self.rows[key] = row
        self.changed[key] = row
        return row

    def drop(self, key: Any) -> None:
        """Takes a row away; its values may come back under another key."""
        self.rows.pop(key, None)
        self.changed.pop(key, None)
        self._dropped[key] = None

    def find(self, where: str, parameters: tuple[Any, ...]) -> R | None:
        """The first row that fulfils a condition, which must be true of rows in the database and of those in memory
        alike: flush first, or use it only for what cannot have changed in this batch."""
        found = self._connection.execute(f"{self._select.partition(' WHERE ')[0]} WHERE {where}", parameters).fetchone()
        if found is None:
            return None
        row = self._row(*found)
        key = found[0] if self._key == 1 else tuple(found[: self._key])
        return self.rows.setdefault(key, row)

    def all_with(self, column: str, where: str, values: dict[str, Any]) -> list[R]:
        """Every row whose columns have these values, as it is now, in the order of its key. `column`: the key;
        `where`: the same condition for the database, which has an index for it."""
        sql = self._select.partition(" FROM ")[2].partition(" WHERE ")[0]
        found = self._connection.execute(f"SELECT {column} FROM {sql} WHERE {where}", values)
        keys = {key for (key,) in found} | self.changed.keys()
        rows = (self.get(key) for key in sorted(keys))
        return [row for row in rows if row and all(getattr(row, name) == value for name, value in values.items())]

    def flush(self) -> None:
        """Writes what changed."""
        if self._dropped:  # first: what comes back under another key may hold a value that is unique
            keys = [key if self._key > 1 else (key,) for key in self._dropped]
            self._connection.executemany(self._delete, keys)
            self._dropped.clear()
        if self.changed:
            rows = [self.changed[key] for key in sorted(self.changed)]  # neighbours share pages of the tree
            self._connection.executemany(self._replace, map(msgspec.structs.astuple, rows))
            self.changed.clear()
        if len(self.rows) > self._keep:
            oldest = list(self.rows)[: len(self.rows) // EVICTED]
            self._is_whole = False
            for key in oldest:
                del self.rows[key]
            if self._gone is not None:
                self._gone.add(oldest)
