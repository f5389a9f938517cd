"""Every row of a read model as it stands at one moment, however long reading them takes.

One read transaction holds the moment. The writer is never blocked by it; its write-ahead log grows until the
transaction ends, so this is for exports and not for questions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from eventsrc.query.answer import Cell

Kind: TypeAlias = Literal["integer", "real", "text", "blob"]
"""What every cell of a column is, unless it is NULL."""

_DECLARED: dict[str, Kind] = {"INTEGER": "integer", "INT": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}
_HIDDEN = 1  # what `table_xinfo` says of columns that `SELECT *` does not give
_FETCH = 512  # rows taken from SQLite at once


class Column(msgspec.Struct, frozen=True):
    """One column. A column of `text` may hold cells of any kind in SQLite; whoever gives them out makes them text."""

    name: str
    kind: Kind


class Table(msgspec.Struct, frozen=True):
    """A table or a view."""

    name: str
    columns: tuple[Column, ...]
    rows: int
    """How many there are at this moment."""


class Snapshot:
    """Reads within the transaction that is open on `connection`. Every method raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> list[str]:
        """Tables and views, sorted; the indexes of full-text search, which repeat what stands in tables, are none."""
        found = self._connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        )
        return [name for (name,) in found]

    def table(self, name: str) -> Table:
        """One of `names`. Looks at every row where the schema does not promise what a column holds."""
        (strict,) = self._connection.execute(
            "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)
        ).fetchone()
        described = self._connection.execute(
            "SELECT name, upper(type) FROM pragma_table_xinfo(?) WHERE hidden <> ?", (name, _HIDDEN)
        ).fetchall()
        columns = [(column, _DECLARED.get(declared)) for column, declared in described]
        if not strict or None in dict(columns).values():
            columns = [(column, kind) for (column, _), kind in zip(columns, self._kinds(name, columns), strict=True)]
        (rows,) = self._connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()
        return Table(name, tuple(Column(column, kind or "text") for column, kind in columns), rows)

    def rows(self, table: Table) -> Iterator[tuple[Cell, ...]]:
        """The rows, a few at a time."""
        columns = ", ".join(quoted(column.name) for column in table.columns)
        cursor = self._connection.execute(f"SELECT {columns} FROM {quoted(table.name)}")
        while rows := cursor.fetchmany(_FETCH):
            yield from rows

    def _kinds(self, name: str, columns: list[tuple[str, Kind | None]]) -> list[Kind | None]:
        wanted = ", ".join(f"group_concat(DISTINCT typeof({quoted(column)}))" for column, _ in columns)
        found = self._connection.execute(f"SELECT {wanted} FROM {quoted(name)}").fetchone()
        both = zip(found, columns, strict=True)
        return [_kind(set((kinds or "").split(",")), declared) for kinds, (_, declared) in both]


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever stands in it; SQLite's and DuckDB's."""
    return '"' + name.replace('"', '""') + '"'


def _kind(found: set[str], declared: Kind | None) -> Kind | None:
    """What a column is that holds these types of SQLite."""
    found -= {"null", ""}
    if not found:
        return declared
    if found <= {"integer", "real"}:
        return "real" if "real" in found else "integer"
    return "blob" if found == {"blob"} else "text"
