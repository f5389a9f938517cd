"""What happened between two checkpoints: counted in the log, and from what the read models' copies hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from eventsrc.event import Event, Position

Numbers = Mapping[str, int]


class Side(msgspec.Struct, frozen=True):
    """One of the two checkpoints."""

    id: str
    label: str | None
    created: str
    position: Position
    rows: Mapping[str, Numbers]
    """Read model → table → rows."""
    behind: Mapping[str, int]
    """Read model → events by which its copy was behind the log."""
    figures: Mapping[str, Numbers]
    """What only a question can tell (`tokens`, `speakers`, `domains`, `tool_errors` …) → name → how many."""
    unanswered: Mapping[str, str] = {}
    """Figures that the copies could not tell, with the reason."""


class Counted(msgspec.Struct):
    """The events of a stretch of the log."""

    by_type: Counter[str] = msgspec.field(default_factory=Counter)
    streams: dict[str, set[str]] = msgspec.field(default_factory=dict)
    """First word of a stream's name (`session`, `conversation` …) → the streams that got events."""

    def add(self, events: Iterable[Event]) -> None:
        """Counts some more."""
        for event in events:
            self.by_type[event.type] += 1
            self.streams.setdefault(event.subject.partition("/")[0], set()).add(event.subject)


class Difference(msgspec.Struct, frozen=True):
    """`older` is always the one whose position comes first. Encoded as it is, it is `checkpoint diff --json`."""

    older: Side
    newer: Side
    events: int
    by_type: dict[str, int]
    """The most frequent first."""
    streams: dict[str, int]
    """Streams that got events, by the first word of their names."""
    rows: dict[str, dict[str, int]]
    """Read model → table → how many more rows; tables in which nothing changed are left out."""
    figures: dict[str, dict[str, int]]
    """Figure → name → how much more; what did not change is left out."""


def difference(older: Side, newer: Side, events: Counted) -> Difference:
    """What is in `newer` and not in `older`; `events` are those between the two positions."""
    return Difference(
        older,
        newer,
        events.by_type.total(),
        dict(events.by_type.most_common()),
        {kind: len(names) for kind, names in sorted(events.streams.items())},
        _more(older.rows, newer.rows),
        _more(older.figures, newer.figures),
    )


def _more(older: Mapping[str, Numbers], newer: Mapping[str, Numbers]) -> dict[str, dict[str, int]]:
    """Only of what both sides tell: a read model that is new is not everything that happened."""
    found: dict[str, dict[str, int]] = {}
    for group in newer:
        if group not in older:
            continue
        names = [*newer[group], *(name for name in older[group] if name not in newer[group])]
        changes = {name: newer[group].get(name, 0) - older[group].get(name, 0) for name in names}
        if changed := {name: change for name, change in changes.items() if change}:
            found[group] = changed
    return found
