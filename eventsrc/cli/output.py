"""How answers look: JSON that is always valid, tables that fit a terminal, text that cannot hurt it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from eventsrc.cli.fit import fit
from eventsrc.query import harmless

Cell = str | int | float | bytes | None


def emit_json(value: Any) -> None:
    """One JSON document and a line feed on stdout."""
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def emit_json_line(value: Any) -> None:
    """One JSON value on one line of stdout."""
    emit_bytes(msgspec.json.encode(value) + b"\n")


def emit_bytes(data: bytes) -> None:
    """Bytes on stdout, as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def emit_pieces(pieces: Iterable[bytes]) -> None:
    """Bytes on stdout, many pieces of them."""
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()


def message(text: str) -> None:
    """Something for the person, on stderr; may have several lines."""
    click.echo(harmless(text, lines=True), err=True)


def safe(text: str) -> str:
    """Text from records, with everything that a terminal would act on made visible."""
    return harmless(text)


def emit_rows(columns: Sequence[str], rows: Iterable[Sequence[Cell]], empty: str) -> None:
    """A table of whatever a query gave; says `empty` on stderr when there is nothing."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        message(empty)
        return
    emit_table(columns, cells)


def emit_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be when something else reads them. On a terminal what fits, and a word about
    the columns that do not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else 10_000, no_color=not _colour(), highlight=False)
    cells = [[safe(cell) for cell in row] for row in rows]
    fitted = fit(columns, cells, console.width if terminal else sys.maxsize)
    table = Table(box=None, pad_edge=False, header_style="bold" if terminal else "", show_header=any(fitted.columns))
    for column in fitted.columns:
        table.add_column(Text(safe(column)), overflow="ellipsis" if terminal else "ignore", no_wrap=True)
    for row in fitted.rows:
        table.add_row(*map(Text, row))
    console.print(table, soft_wrap=not terminal)
    if fitted.left_out:
        message(f"not shown for lack of width: {', '.join(fitted.left_out)}")


def counted(number: int, noun: str) -> str:
    """A number of things: `1 event`, `8,038 events`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: `840 ms`, `12.4 s`, `3m 20s`, `2h 05m`, `4d 3h`."""
    if seconds is None or math.isnan(seconds):
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02d}m"
    return f"{hours // 24}d {hours % 24}h"


def size(number: float | None) -> str:
    """Bytes as a person says them."""
    if number is None:
        return "-"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def moment(seconds: float | str | None) -> str:
    """Seconds since the epoch, or RFC 3339, in the reader's own time zone, to the second."""
    from datetime import UTC, datetime

    from eventsrc.clock import parse_time

    if isinstance(seconds, str):
        seconds = parse_time(seconds)

    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _colour() -> bool:
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().color is False:
        return False
    return sys.stdout.isatty()
