"""Tables as DuckDB or Parquet. Blocks; imports duckdb, so for a command's own process only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from eventsrc.analytics.rows import insert, quoted, text
from eventsrc.errors import CannotWrite
from eventsrc.limits import EXPORT_MEMORY_BYTES, MIB

TYPES = {"integer": "BIGINT", "real": "DOUBLE", "text": "VARCHAR", "blob": "BLOB"}


class Relation(msgspec.Struct, frozen=True):
    """A table on its way out."""

    name: str
    columns: Sequence[tuple[str, str]]
    """Names and kinds, which are keys of `TYPES`."""
    rows: Iterable[Sequence[Any]]


class Database:
    """A new DuckDB file; everything in it is there to be given out."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def fill(self, relation: Relation) -> int:
        """A table with its rows; returns how many there are."""
        columns = [(name, TYPES[kind]) for name, kind in relation.columns]
        described = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
        self._connection.execute(f"CREATE TABLE {quoted(relation.name)} ({described})")
        return insert(self._connection, relation.name, columns, relation.rows, self._folder)

    def write_parquet(self, name: str, path: Path) -> None:
        """A table that was filled, as one file; then it is let go of."""
        options = "FORMAT parquet, COMPRESSION zstd"
        self._connection.execute(f"COPY {quoted(name)} TO {text(str(path))} ({options})")
        self._connection.execute(f"DROP TABLE {quoted(name)}")


@contextmanager
def database(path: Path) -> Iterator[Database]:
    """A new database at `path`, where nothing may be; whole in that one file afterwards. Raises CannotWrite."""
    settings: dict[str, str | bool | int | float | list[str]] = {"memory_limit": f"{EXPORT_MEMORY_BYTES // MIB}MiB"}
    try:
        with closing(duckdb.connect(str(path), config=settings)) as connection:
            yield Database(connection, path.parent)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise CannotWrite(path=path, reason=error) from error
