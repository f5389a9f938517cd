"""What the screen shows, asked for only when something is new. Blocks: call it on a thread, one call at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from eventsrc.cli.monitor.cells import Row
from eventsrc.cli.monitor.views import View, offered
from eventsrc.errors import EventsrcError
from eventsrc.limits import MONITOR_ROWS, MONITOR_VERDICT_SECONDS
from eventsrc.query import Changes, ReadModels

HEAD = ("agents", "dashboard")
"""The question whose one row stands above every list."""


class Look(msgspec.Struct, frozen=True):
    """What there was to see."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    """At most `limits.MONITOR_ROWS`."""
    more: int
    """Rows beyond those."""
    counts: Row
    """The row of `HEAD`; empty when it cannot be asked."""


class Feed:
    """Questions to the read models of one data directory."""

    def __init__(self, models: ReadModels, clock: Callable[[], float] = time.time) -> None:
        self._models = models
        self._clock = clock
        self._changes: dict[str, Changes] = {}
        self._asked_at = 0.0
        self.asked = 0
        """Answers so far: stays as it is while nothing changes."""

    def views(self) -> dict[str, View]:
        """The lists of the read models that are there; see `views.offered`."""
        names = [name for name in self._models.names() if name == HEAD[0] or self._is_there(name)]
        return offered({name: self._models.questions(name) for name in names})

    def look(self, view: View, values: Mapping[str, Any], *, anyway: bool = False) -> Look | None:
        """The rows of a list; None when its read model has not changed since it was last looked at, unless `anyway`.
        What depends on the clock as well is asked every `limits.MONITOR_VERDICT_SECONDS`.

        Raises what `ReadModels.ask` raises."""
        if view.model not in self._changes:
            self._changes[view.model] = self._models.changes(view.model)
        given = self._given(view.model, view.question, values)
        moved = self._changes[view.model].moved()
        if not moved and not anyway and given.get("now", 0.0) < self._asked_at + MONITOR_VERDICT_SECONDS:
            return None
        answer = self._models.ask(view.model, view.question, given)
        self.asked += 1
        self._asked_at = self._clock()
        rows = answer.objects()
        return Look(answer.columns, rows[:MONITOR_ROWS], max(0, len(rows) - MONITOR_ROWS), self._counts())

    def close(self) -> None:
        """Lets go of what is open."""
        for changes in self._changes.values():
            changes.close()

    def _given(self, model: str, question: str, values: Mapping[str, Any]) -> dict[str, Any]:
        found = next((one for one in self._models.questions(model) if one.name == question), None)
        return {**values, "now": self._clock()} if found and "now" in found.parameters else dict(values)

    def _counts(self) -> Row:
        try:
            rows = self._models.ask(*HEAD, self._given(*HEAD, {})).objects()
        except EventsrcError:  # a read model that is being built has no head yet; the list says what is wrong
            return {}
        return rows[0] if rows else {}

    def _is_there(self, name: str) -> bool:
        try:
            self._models.sql(name, "SELECT 1")
        except EventsrcError:
            return False
        return True
