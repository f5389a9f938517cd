"""What this room needs of the log."""

from __future__ import annotations

from typing import Protocol

from eventsrc.event import Position
from eventsrc.log import Digest as LogDigest


class Log(Protocol):
    """The log, from the outside. Both methods block."""

    def digest(self) -> LogDigest:
        """At the head, or shortly before; never past what is durable."""
        ...

    def digest_at(self, position: Position) -> LogDigest | None:
        """What `digest` gave, or would have given, when the head stood at `position`; None when the log is shorter.

        It must not matter whether the segment was sealed since.
        """
        ...


__all__ = ["Log", "LogDigest"]
