"""What went through the ingestor since the start, for `ingest --json` and the metrics."""

from __future__ import annotations

from collections.abc import Sequence

from eventsrc.event import Appended, Position


class Counts:
    """Running totals of one process; a replay does not touch them."""

    def __init__(self) -> None:
        self.read = 0
        self.appended = 0
        self.duplicates = 0
        self.quarantined = 0
        self.first_position: Position | None = None
        self.last_position: Position | None = None

    def add(self, answer: Appended, head_before: Position) -> None:
        """Counts one durable batch. Positions up to `head_before` are duplicates: they were there already."""
        self.read += len(answer.positions)
        self.duplicates += answer.duplicates
        self.appended += len(answer.positions) - answer.duplicates
        fresh: Sequence[Position] = answer.positions
        if answer.duplicates:  # else they are all new
            fresh = [position for position in fresh if position > head_before]
        if fresh:
            self.first_position = min(fresh[0], self.first_position or fresh[0])
            self.last_position = max(fresh[-1], self.last_position or 0)
