"""Following files that grow, from any process, without the writer's help."""

from __future__ import annotations

import time
from collections.abc import Iterator

from eventsrc.event import Event, Position
from eventsrc.limits import FOLLOW_SECONDS
from eventsrc.log.reader import LogReader


def follow(reader: LogReader, after: Position, *, seconds: float = FOLLOW_SECONDS) -> Iterator[Event]:
    """The events after a position and then, for ever, what is appended; looks every `seconds` when there is nothing."""
    for event, _ in follow_lines(reader, after, seconds=seconds):
        yield event


def follow_lines(
    reader: LogReader, after: Position, *, seconds: float = FOLLOW_SECONDS
) -> Iterator[tuple[Event, bytes]]:
    """As `follow`, with the line of each event."""
    while True:
        found = reader.lines(after)
        yield from found
        if found:
            after = found[-1][0].position
        else:
            time.sleep(seconds)
