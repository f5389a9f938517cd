"""What is printed, and whether the line that it went to is still open."""

from __future__ import annotations

import msgspec

from eventsrc.plugin import Fact, Reading, parse_time


class Piece(msgspec.Struct, frozen=True):
    """Something to print as it is, line feeds included. Its text is what an agent wrote: make it harmless first."""

    style: str
    """`prompt`, `thinking`, `text`, `tool`, `good`, `bad` or `note`."""
    text: str


class Line:
    """The line that is being written."""

    def __init__(self) -> None:
        self.block: tuple[str, int] | None = None
        """The block that is streaming into it."""
        self.open = False

    def end(self) -> list[Piece]:
        """The line feed that it may need before something else begins."""
        was, self.open, self.block = self.open, False, None
        return [Piece("text", "\n")] if was else []


def when(fact: Fact, reading: Reading) -> float | None:
    """When something happened; local time where the producer writes no other, because differences are the same."""
    time = getattr(fact, "time", None)
    if time is None:
        time = getattr(fact, "local", None)
    return time if time is not None else parse_time(reading.recorded) if reading.recorded else None
