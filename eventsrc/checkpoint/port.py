"""What this room needs of the log."""

from __future__ import annotations

from typing import Protocol

import msgspec

from eventsrc.event import Position


class LogDigest(msgspec.Struct, frozen=True):
    """What the log's bytes up to a position hash to. Two logs with the same digest hold the same events up to there."""

    position: Position
    sha256: str
    """64 hexadecimal digits."""


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
