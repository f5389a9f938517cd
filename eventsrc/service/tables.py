"""Tables into files: JSON Lines, CSV, Parquet or one DuckDB database. All of it blocks; memory is bounded.

The files appear when all of them are whole and durable. DuckDB works in the process that calls, so a command may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from eventsrc.durable import Disk
from eventsrc.errors import AlreadyThere, ExtraMissing
from eventsrc.limits import EXPORT_ROWS
from eventsrc.plugin import folder_name
from eventsrc.query import Table
from eventsrc.query.export import to_csv_lines
from eventsrc.service.relations import Relations
from eventsrc.service.whole import publish, staging, writing

if TYPE_CHECKING:
    from eventsrc.analytics.export import Relation

T = TypeVar("T")

Form = Literal["jsonl", "csv", "parquet", "duckdb"]
Tell = Callable[[int, int], object]
"""(rows done, rows there are)."""


class Written(msgspec.Struct, frozen=True):
    """One file of an export."""

    path: str
    rows: int
    bytes: int


def places(tables: Sequence[Table], form: Form, out: Path) -> list[Path]:
    """Where each table goes: a database takes all of them, a folder one file for each, and a file a single one."""
    if form == "duckdb":
        return [out]
    if len(tables) == 1 and not out.is_dir():
        return [out]
    return [out / f"{folder_name(table.name)}.{form}" for table in tables]


def export(
    given: Relations, tables: Sequence[Table], form: Form, out: Path, disk: Disk, tell: Tell, *, force: bool = False
) -> list[Written]:
    """Writes tables to the `places` below `out`. Raises AlreadyThere without `force`, CannotWrite, ExtraMissing."""
    targets = places(tables, form, out)
    if not force and (there := [path for path in targets if path.exists()]):
        raise AlreadyThere(path=there[0])
    progress = Counted(tell, sum(table.rows for table in tables))
    with staging(out, disk) as folder:
        staged = [folder / path.name for path in targets]
        if form in ("jsonl", "csv"):
            rows = [_text(given, *one, form, progress) for one in zip(tables, staged, strict=True)]
        else:
            rows = _by_duckdb(given, tables, staged, form, progress)
        sizes = [path.stat().st_size for path in staged]
        publish(list(zip(staged, targets, strict=True)), disk)
    return [Written(str(path.absolute()), *one) for path, *one in zip(targets, rows, sizes, strict=True)]


def lines(given: Relations, table: Table, form: Form) -> Iterator[bytes]:
    """A table as text, a piece of whole lines at a time: the header of CSV is one of its own."""
    if form == "csv":
        names = [column.name for column in table.columns]
        return (line.encode() for line in to_csv_lines(names, given.rows(table)))
    return (line + b"\n" for line in given.json_lines(table))


class Counted:
    """Counts what passes, and tells of it now and then."""

    def __init__(self, tell: Tell, total: int) -> None:
        self._tell, self._total = tell, total
        self.count = 0

    def passing(self, items: Iterable[T]) -> Iterator[T]:
        """The same items."""
        for item in items:
            self.count += 1
            if self.count % EXPORT_ROWS == 0:
                self._tell(self.count, self._total)
            yield item


def _text(given: Relations, table: Table, path: Path, form: Form, progress: Counted) -> int:
    before = progress.count
    with writing(path), path.open("xb") as file:
        file.writelines(progress.passing(lines(given, table, form)))
    return progress.count - before - (form == "csv")


def _by_duckdb(
    given: Relations, tables: Sequence[Table], staged: Sequence[Path], form: Form, progress: Counted
) -> list[int]:
    """Rows of each file. Parquet goes by way of a database as well: it holds what memory does not."""
    try:
        from eventsrc.analytics.export import database
    except ImportError as error:
        raise ExtraMissing(what=f"An export to {form}", package=error.name or "duckdb", extra="analytics") from error
    rows = []
    place = staged[0] if form == "duckdb" else staged[0].parent / "spool.duckdb"
    with writing(place), database(place) as made:
        for number, table in enumerate(tables):
            rows.append(made.fill(_relation(given, table, progress)))
            if form == "parquet":
                made.write_parquet(table.name, staged[number])
    return rows if form == "parquet" else [sum(rows)]


def _relation(given: Relations, table: Table, progress: Counted) -> Relation:
    from eventsrc.analytics.export import Relation

    columns = [(column.name, column.kind) for column in table.columns]
    rows: Iterable[Sequence[Any]] = progress.passing(given.rows(table))
    return Relation(table.name, columns, rows)
