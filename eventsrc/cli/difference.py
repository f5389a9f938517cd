"""What happened between two checkpoints, as lines. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from eventsrc.cli.output import duration, moment, safe
from eventsrc.clock import parse_time

if TYPE_CHECKING:
    from eventsrc.branch import Difference, Side

WORDS = {
    "sessions": "sessions",
    "rounds": "rounds",
    "messages": "messages",
    "content_blocks": "blocks",
    "tool_results": "tool results",
    "errors": "errors",
    "usage": "model calls",
    "refused": "refused",
    "experiments": "experiments",
    "conversations": "conversations",
    "turns": "turns",
    "documents": "documents",
}
"""Tables that say something to a person, in this order → what they hold; --json has all of them."""
TOKENS = {"cache_creation_input_tokens": "cache write", "cache_read_input_tokens": "cache read"}
GLUE = "\N{NO-BREAK SPACE}"
MOST = 12
"""Names of one kind that are shown; --json has all of them."""


def lines(found: Difference, width: int) -> Iterator[str]:
    """Everything worth reading, wrapped to `width` cells."""
    older, newer = found.older, found.newer
    yield _who(older)
    yield _who(newer)
    seconds = (parse_time(newer.created) or 0.0) - (parse_time(older.created) or 0.0)
    where = f", positions {older.position + 1:,} to {newer.position:,}" if found.events else ""
    yield f"{found.events:,} events in {duration(seconds)}{where}"
    yield from _group("events", found.by_type, width, "{:,}")
    yield from _group("streams", found.streams, width, "{:,}")
    groups = {
        **{model: _worded(tables) for model, tables in found.rows.items()},
        **{name.replace("_", " "): figures for name, figures in found.figures.items()},
    }
    for name, numbers in groups.items():
        yield from _group(name, numbers, width, "{:+,}")
    for side in (older, newer):
        for model, behind in side.behind.items():
            if behind:
                yield f"the copy of {model} in {side.id} was {behind:,} events behind the log"
        for name, reason in side.unanswered.items():
            yield f"{side.id} cannot tell {name.replace('_', ' ')}: {safe(reason)}"


def _who(side: Side) -> str:
    label = f" '{safe(side.label)}'" if side.label else ""
    return f"checkpoint {side.id}{label} of {moment(side.created)}, position {side.position:,}"


def _worded(tables: Mapping[str, int]) -> dict[str, int]:
    return {word: tables[table] for table, word in WORDS.items() if table in tables}


def _group(name: str, numbers: Mapping[str, int], width: int, form: str) -> Iterator[str]:
    """`tokens   +120 input, +3,400 output`, over several lines where it is long; nothing of nothing."""
    if not numbers:
        return
    sorted_ = sorted(numbers.items(), key=lambda pair: -abs(pair[1])) if len(numbers) > MOST else numbers.items()
    shown = [f"{form.format(number)} {_short(key)}" for key, number in list(sorted_)[:MOST]]
    if len(numbers) > MOST:
        shown.append(f"and {len(numbers) - MOST} more")
    text = ", ".join(one.replace(" ", GLUE) for one in shown)  # a number stays with its word
    wrapped = textwrap.wrap(
        text, max(40, width), initial_indent=f"{name:<14} ", subsequent_indent=" " * 15, break_on_hyphens=False
    )
    yield from (line.replace(GLUE, " ") for line in wrapped)


def _short(name: str) -> str:
    return safe(TOKENS.get(name, name.removesuffix("_tokens")))
