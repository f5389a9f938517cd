"""An answer as JSON or CSV, whatever the cells contain."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

import msgspec

from eventsrc.query.answer import Answer, Cell

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what spreadsheets take for a formula


def to_json_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """One JSON object per row, without the line feed, always valid: bytes as base64, NaN and infinities as null, lone
    surrogates replaced. `columns`: no name twice."""
    names = [_text(name) for name in columns]
    for row in rows:
        yield msgspec.json.encode(dict(zip(names, map(_json, row), strict=True)))


def write_csv(answer: Answer, out: TextIO) -> None:
    """As `to_csv_lines`, all of them."""
    out.writelines(to_csv_lines(answer.columns, answer.rows))


def to_csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """RFC 4180 with a header, one record at a time. Text that a spreadsheet would run as a formula gets a leading `'`;
    numbers do not."""
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\r\n")
    for row in itertools.chain((columns,), rows):
        writer.writerow(map(_csv, row))
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _json(cell: Cell) -> Cell:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode()
    return _text(cell) if isinstance(cell, str) else cell


def _csv(cell: Cell) -> Cell:
    if isinstance(cell, bytes):
        cell = base64.b64encode(cell).decode()  # may begin with "+"
    if not isinstance(cell, str):
        return cell
    text = _text(cell).replace("\0", "\N{SYMBOL FOR NULL}")  # not every reader of CSV takes NUL
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _text(text: str) -> str:
    """Text that UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
