"""How a table fits a terminal: texts give way, ids keep only what tells them apart, then the last columns go.

Pure. Widths are those of the characters as a terminal shows them (an ideograph takes two cells).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

GAP = 2
"""Cells between two columns."""
TEXT_LEAST = 14
"""What is left of a text at least: less says nothing."""
ID_LEAST, ID_MOST = 8, 24
"""Characters of a shortened id; where more are needed to tell the rows apart, the column counts whole."""


class Fitted(msgspec.Struct, frozen=True):
    """A table that fits."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    """Columns for which there was no room."""


def fit(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Fitted:
    """The first columns of a table, as many as fit into `width` cells; at least one, and both where there are two."""
    if _total([_natural(name, _cells(rows, at)) for at, name in enumerate(columns)]) > width:
        rows = _with_short_ids(columns, rows)
    natural = [_natural(name, _cells(rows, at)) for at, name in enumerate(columns)]
    least = [
        min(size, max(TEXT_LEAST, len(name))) if _is_text(name, _cells(rows, at)) else size
        for at, (name, size) in enumerate(zip(columns, natural, strict=True))
    ]
    count = len(columns)
    while count > (2 if len(columns) == 2 else 1) and _total(least[:count]) > width:
        count -= 1
    sizes = _shared_out(least[:count], natural[:count], width - _total(least[:count]))
    shown = tuple(tuple(shortened(cell, size) for cell, size in zip(row, sizes, strict=False)) for row in rows)
    return Fitted(tuple(columns[:count]), shown, tuple(columns[count:]))


def short_ids(values: Sequence[str]) -> list[str]:
    """Beginnings of ids that still tell them apart, one length for all; the ids themselves when that is no gain."""
    different = {value for value in values if value}
    for length in range(ID_LEAST, ID_MOST + 1):
        if len({value[:length] for value in different}) == len(different):
            return [value[:length] for value in values]
    return list(values)


def _with_short_ids(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    found = [short_ids(_cells(rows, at)) if is_id(name) else _cells(rows, at) for at, name in enumerate(columns)]
    return list(zip(*found, strict=True))


def _shared_out(least: list[int], natural: list[int], room: int) -> list[int]:
    """Gives what room there is to the columns that want more, the first ones first."""
    sizes = []
    for small, size in zip(least, natural, strict=True):
        more = max(0, min(room, size - small))
        sizes.append(small + more)
        room -= more
    return sizes


def _cells(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    return [row[at] for row in rows]


def _natural(name: str, cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max([cell_len(name), *map(cell_len, cells)])


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + GAP * max(0, len(sizes) - 1)


def is_id(name: str) -> bool:
    """Whether a column of this name holds ids."""
    return name in ("id", "sid") or name.endswith(("_id", "_sid"))


def _is_text(name: str, cells: Sequence[str]) -> bool:
    """Whether cells may be cut: half a number or half a time is wrong, half a sentence is short."""
    return not is_id(name) and any(len(cell) > TEXT_LEAST and any(map(str.isalpha, cell)) for cell in cells)


def shortened(text: str, width: int) -> str:
    """As much of a text as `width` cells show, and `…` where that is not all."""
    if 2 * len(text) <= width:  # no character takes more than two cells
        return text
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"
