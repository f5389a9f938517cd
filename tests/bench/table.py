"""What was measured, beside what it is compared with."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One number. `measured` and `limit` have the same unit."""

    what: str
    measured: float
    unit: str
    against: str = ""
    """What `limit` is: a bare loop on this machine, a peer, or a bound that was set."""
    limit: float = 0.0
    target: str = ""
    """What it must reach, in words."""
    reached: bool | None = None
    """None: nothing was asked of it."""

    @property
    def ratio(self) -> float | None:
        return self.measured / self.limit if self.limit else None


def best(repeats: int, work: Callable[[int], float]) -> float:
    """The shortest of several runs, in seconds; `work` gets the number of the run and returns what it took."""
    return min(work(number) for number in range(repeats))


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, with the garbage of what came before collected."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def number(value: float) -> str:
    """1234567 → `1.23 M`; small ones with as many digits as mean something."""
    for size, sign in ((1e6, " M"), (1e3, " k")):
        if value >= 10 * size or (size == 1e6 and value >= size):
            return f"{value / size:.3g}{sign}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> str:
    """Markdown, so that it can be pasted into a document."""
    cells: list[tuple[str, ...]] = [("what", "measured", "against", "limit", "ratio", "target", "")]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        limit = f"{number(row.limit)} {row.unit}" if row.limit else ""
        mark = {None: "", True: "reached", False: "missed"}[row.reached]
        cells.append((row.what, f"{number(row.measured)} {row.unit}", row.against, limit, ratio, row.target, mark))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    cells.insert(1, tuple("-" * width for width in widths))
    padded = (" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(f"| {line} |" for line in padded)
