"""Exports of one data directory, a page at a time. All of it blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eventsrc.query import ReadModels
from eventsrc.report import RULES, Span, record_of

PAGE = 1_000  # messages asked for at once: an answer of a few MB, and no transaction that is held for long
MODEL = "conversations"


def records(models: ReadModels, span: Span, recorder: str, speaker: str | None = None) -> Iterator[bytes]:
    """Messages in the form of a historical recorder (`daemon`, `broker`), in the order of their times: one line each,
    without the line feed. Messages that come meanwhile are in it when they belong behind what was given already."""
    given: dict[str, Any] = {"since": span.since, "until": span.until, "speaker": speaker, "limit": PAGE}
    given |= {"rules": RULES[recorder], "after_at": -1e18, "after_position": 0}
    while rows := models.ask(MODEL, "report_records", given).objects():
        for row in rows:
            yield record_of(row, recorder)
        given |= {"after_at": rows[-1]["at"], "after_position": rows[-1]["position"]}


def message_count(models: ReadModels, span: Span) -> int:
    """How many messages a stretch of time has, for a progress bar."""
    row = models.ask(MODEL, "report_totals", {"since": span.since, "until": span.until}).objects()[0]
    return int(row["recorded"] or 0)
