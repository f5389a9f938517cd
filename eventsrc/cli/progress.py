"""Progress of long work: a bar on a terminal, nothing otherwise; always on stderr, so that stdout stays data."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Progress:
    """`update(done, total)` as often as you like; cheap when nobody looks."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._bar: Any = None
        self._task: Any = None

    def update(self, done: int, total: int) -> None:
        """How much is done of how much there is; both may grow."""
        if self._bar is not None:
            self._bar.start()  # not before there is something to show: a name that is wrong has no progress
            self._bar.update(self._task, completed=done, total=max(total, done))

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn(self._what),
                BarColumn(),
                TextColumn("{task.completed:,.0f} / {task.total:,.0f} " + self._unit),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what, total=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
