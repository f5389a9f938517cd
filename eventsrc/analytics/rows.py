"""Rows into a table of DuckDB by way of files of lines, a hundred times faster than one by one."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from eventsrc.limits import DUCKDB_BATCH_BYTES, DUCKDB_OBJECT_BYTES

Columns = Sequence[tuple[str, str]]
"""Name and type of DuckDB of each column, in the order of the cells."""


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Columns,
    rows: Iterable[Sequence[Any]],
    folder: Path | None = None,
) -> int:
    """Puts rows into a table; returns how many. `folder`: where the files are for a moment, one at a time and each of
    about `limits.DUCKDB_BATCH_BYTES`. Raises duckdb.Error, and OSError of the folder."""
    names = ", ".join(quoted(name) for name, _ in columns)
    wanted = ", ".join(f"from_base64({quoted(name)})" if kind == "BLOB" else quoted(name) for name, kind in columns)
    described = ", ".join(f"{text(name)}: '{'VARCHAR' if kind == 'BLOB' else kind}'" for name, kind in columns)
    lines, count = _lines(columns, rows), 0
    while True:
        with tempfile.NamedTemporaryFile(suffix=".jsonl", dir=folder) as file:
            taken, widest = _write(file, lines)
            if taken:
                source = f"read_json(?, format = 'newline_delimited', columns = {{{described}}}"
                source += f", maximum_object_size = {max(widest, DUCKDB_OBJECT_BYTES)})"
                connection.execute(f"INSERT INTO {quoted(table)} ({names}) SELECT {wanted} FROM {source}", [file.name])
        count += taken
        if not taken:
            return count


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def _lines(columns: Columns, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    names = [name for name, _ in columns]
    numbers = [place for place, (_, kind) in enumerate(columns) if kind == "DOUBLE"]
    for row in rows:
        cells = list(row)
        for place in numbers:
            if isinstance(cells[place], float) and not math.isfinite(cells[place]):
                cells[place] = str(cells[place])  # JSON has no such number, DuckDB reads it from text
        yield msgspec.json.encode(dict(zip(names, cells, strict=True)))


def _write(file: Any, lines: Iterator[bytes]) -> tuple[int, int]:
    """Writes lines up to about one batch; returns how many, and the bytes of the longest one."""
    count = size = widest = 0
    for line in lines:
        file.write(line + b"\n")
        count, size, widest = count + 1, size + len(line), max(widest, len(line) + 1)
        if size >= DUCKDB_BATCH_BYTES:
            break
    file.flush()
    return count, widest
