"""An answer as JSON or CSV, whatever the cells contain."""

from __future__ import annotations

import base64
import csv
import math
from collections.abc import Iterable
from typing import TextIO

import msgspec

from eventsrc.query.answer import Answer, Cell

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what spreadsheets take for a formula


def to_json(answer: Answer) -> bytes:
    """A JSON array of objects, always valid: bytes as base64, NaN and infinities as null, lone surrogates replaced."""
    return msgspec.json.encode([{_text(k): _json(v) for k, v in row.items()} for row in answer.objects()])


def to_json_lines(answer: Answer) -> Iterable[bytes]:
    """One JSON object per row, without the line feed."""
    for row in answer.objects():
        yield msgspec.json.encode({_text(k): _json(v) for k, v in row.items()})


def write_csv(answer: Answer, out: TextIO) -> None:
    """RFC 4180 with a header. Text that a spreadsheet would run as a formula gets a leading `'`; numbers do not."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_csv(name) for name in answer.columns])
    writer.writerows([_csv(cell) for cell in row] for row in answer.rows)


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
