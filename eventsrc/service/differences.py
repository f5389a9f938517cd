"""What happened between two checkpoints of one data directory. Blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eventsrc.branch import Counted, Difference, Side, difference
from eventsrc.errors import EventsrcError
from eventsrc.event import Position
from eventsrc.log import LogReader
from eventsrc.service.as_of import AsOf
from eventsrc.service.checkpoints import checkpoints

TOKENS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "reasoning_tokens")


def difference_of(data: Path, one: str, other: str, progress: Callable[[int, int], None]) -> Difference:
    """Between two checkpoints, in whichever order they are named. `progress` is told events.

    Raises `NotFound`, `NotThisLog` when the log does not hold what either of them was taken of, `LogCorrupt`."""
    kept = checkpoints(data)
    older, newer = sorted((kept.check(one), kept.check(other)), key=lambda meta: (meta["position"], meta["created"]))
    events = _counted(data, older["position"], newer["position"], progress)
    return difference(_side(older), _side(newer), events)


def _counted(data: Path, after: Position, until: Position, progress: Callable[[int, int], None]) -> Counted:
    reader, found, total = LogReader(data), Counted(), until - after
    while after < until:
        events = reader.read(after, until=until)
        found.add(events)
        after = events[-1].position
        progress(total - (until - after), total)
    return found


def _side(meta: Mapping[str, Any]) -> Side:
    copies = meta["read_models"]
    with AsOf(meta["id"], Path(meta["path"])) as as_of:
        figures, unanswered = _figures(as_of)
    return Side(
        id=meta["id"],
        label=meta["label"],
        created=meta["created"],
        position=meta["position"],
        rows={name: copy["rows"] for name, copy in copies.items()},
        behind={name: meta["position"] - copy["position"] for name, copy in copies.items()},
        figures=figures,
        unanswered=unanswered,
    )


def _figures(as_of: AsOf) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """What is told and what is not, with the reason."""
    found: dict[str, dict[str, int]] = {}
    unanswered: dict[str, str] = {}
    for name, ask in _ASKED.items():
        try:
            found[name] = ask(as_of)
        except EventsrcError as error:
            unanswered[name] = str(error)
    return found, unanswered


def _tokens(as_of: AsOf) -> dict[str, int]:
    rows = as_of.ask("agents", "usage", {"by": "model"})
    return {name: sum(row[name] or 0 for row in rows) for name in TOKENS}


def _tools(column: str) -> Callable[[AsOf], dict[str, int]]:
    def ask(as_of: AsOf) -> dict[str, int]:
        return {row["tool_name"]: row[column] or 0 for row in as_of.ask("agents", "errors", {})}

    return ask


def _messages(question: str, name: str) -> Callable[[AsOf], dict[str, int]]:
    def ask(as_of: AsOf) -> dict[str, int]:
        return {row[name]: row["messages"] for row in as_of.ask("conversations", question, {})}

    return ask


_ASKED: Mapping[str, Callable[[AsOf], dict[str, int]]] = {
    "tokens": _tokens,
    "tool_calls": _tools("calls"),
    "tool_errors": _tools("errors"),
    "speakers": _messages("speakers", "speaker"),
    "domains": _messages("domains", "domain"),
}
