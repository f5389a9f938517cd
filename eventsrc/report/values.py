"""What a report says. Values only; times are seconds since the epoch, UTC."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from eventsrc.report.score import Score

Counts: TypeAlias = list[tuple[str, int]]
"""Names with how often they occurred, the most frequent first."""


class Totals(msgspec.Struct, frozen=True):
    """Messages of the stretch of time, and what was refused in it."""

    recorded: int = 0
    arrived: int = 0
    """Messages that arrived in that time, whenever they were written."""
    observations: int = 0
    """How often they were told of: sent and received are two observations of one message."""
    empty: int = 0
    """Records without a text."""
    rejected: int = 0
    """Records without a sender, or without the shape of a message."""
    repeats: int = 0
    """Messages whose text (normalised) another one already had."""
    placeholders: int = 0
    """Messages whose sender names nobody."""
    zone_unknown: int = 0
    """Messages whose wall time is of an unknown zone, taken as UTC."""
    in_threads: int = 0
    first_time: float | None = None
    last_time: float | None = None
    rules: str = ""
    """Version of the rules by which they were read."""


class Answers(msgspec.Struct, frozen=True):
    """Requests and what became of them."""

    requests: int = 0
    answered: int = 0
    median_answer_seconds: float | None = None


class Tool(msgspec.Struct, frozen=True):
    """Calls of one tool that have a result."""

    name: str
    calls: int
    errors: int


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of one model or one day."""

    name: str
    model_calls: int
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int


class Report(msgspec.Struct, frozen=True):
    """Everything, for one stretch of time."""

    made_at: float
    since: float | None
    until: float | None
    totals: Totals
    answers: Answers
    scores: tuple[Score, ...]
    speakers: Counts
    message_types: Counts
    domains: Counts
    tiers: Counts
    tags: Counts
    keywords: Counts
    thread_statuses: Counts
    timeline: Counts
    """Messages per day (UTC), in the order of the days."""
    tools: list[Tool]
    tokens_by_model: list[Tokens]
    tokens_by_day: list[Tokens]
    missing: tuple[str, ...] = ()
    """Read models that could not be asked: what they would say is not in the report."""

    def score(self, variant: str) -> float:
        """The total of one variant; 0 when it is not there."""
        return next((one.total for one in self.scores if one.variant == variant), 0.0)
