"""The kinds of sources, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from eventsrc.errors import UsageError
from eventsrc.source.folder import Follow
from eventsrc.source.port import Cursors, Source
from eventsrc.source.stdin import Stdin

Make: TypeAlias = Callable[[str, Cursors], Source]
"""(What is to be read, as a person writes it; where the log stands) → source."""

KINDS: Mapping[str, Make] = {
    "folder": lambda target, cursors: Follow([target], cursors),
    "stdin": lambda target, cursors: Stdin(target),
}


def make(kind: str, target: str, cursors: Cursors) -> Source:
    """A source of a kind by name; raises UsageError for one that is not there."""
    if kind not in KINDS:
        raise UsageError(reason=f"there is no source of kind {kind!r}; there are: {', '.join(KINDS)}")
    return KINDS[kind](target, cursors)
