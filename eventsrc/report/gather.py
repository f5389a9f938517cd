"""Asking the named questions that make a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from eventsrc.errors import NotFound, UnknownProjection
from eventsrc.report.score import score_of
from eventsrc.report.values import Answers, Counts, Report, Tokens, Tool, Totals

CONVERSATIONS, AGENTS = "conversations", "agents"
TOKENS = ("model_calls", "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
Row = Mapping[str, Any]


class Ask(Protocol):
    """A named question of a read model, answered as one mapping per row. Raises like `ReadModels.ask`."""

    def __call__(self, model: str, question: str, parameters: Mapping[str, Any], /) -> Sequence[Row]: ...


class Span(msgspec.Struct, frozen=True):
    """A stretch of time, seconds since the epoch: from `since` (inclusive) to `until` (exclusive); None is open."""

    since: float | None = None
    until: float | None = None


class _Answers:
    """Answers of the read models that are there; remembers those that are not."""

    def __init__(self, ask: Ask, span: Span) -> None:
        self._ask = ask
        self._span = {"since": span.since, "until": span.until}
        self.missing: list[str] = []

    def rows(self, model: str, question: str, **parameters: Any) -> Sequence[Row]:
        if model in self.missing:
            return ()
        try:
            return self._ask(model, question, parameters or self._span)
        except (NotFound, UnknownProjection):
            self.missing.append(model)
            return ()

    def counts(self, question: str, **parameters: Any) -> Counts:
        """Pairs of a name and how many messages."""
        return [(str(row["name"]), int(row["messages"])) for row in self.rows(CONVERSATIONS, question, **parameters)]


def gather(ask: Ask, span: Span, now: float) -> Report:
    """A report of a stretch of time. Read models that are not there are named in it."""
    answers = _Answers(ask, span)
    totals = next(iter(answers.rows(CONVERSATIONS, "report_totals")), {})
    requests = next(iter(answers.rows(CONVERSATIONS, "report_answers")), {})
    return Report(
        made_at=now,
        since=span.since,
        until=span.until,
        totals=msgspec.convert({name: value for name, value in totals.items() if value is not None}, Totals),
        answers=msgspec.convert(dict(requests), Answers),
        scores=tuple(score_of(row) for row in answers.rows(CONVERSATIONS, "report_score")),
        speakers=answers.counts("report_speakers"),
        message_types=answers.counts("report_types"),
        domains=answers.counts("report_domains"),
        tiers=answers.counts("report_tiers"),
        tags=answers.counts("report_tags"),
        keywords=answers.counts("report_keywords"),
        thread_statuses=answers.counts("report_statuses"),
        timeline=answers.counts("report_timeline"),
        tools=_tools(answers, span),
        tokens_by_model=_tokens(answers, span, "model"),
        tokens_by_day=_tokens(answers, span, "day"),
        missing=tuple(answers.missing),
    )


def _tools(answers: _Answers, span: Span) -> list[Tool]:
    found = _within(answers, span, "errors", "tool_name", ("calls", "errors"))
    tools = [Tool(name, *values) for name, values in found.items() if values[0]]
    return sorted(tools, key=lambda tool: (-tool.calls, tool.name))


def _tokens(answers: _Answers, span: Span, by: str) -> list[Tokens]:
    found = _within(answers, span, "usage", "key", TOKENS, by=by)
    tokens = sorted((Tokens(name, *found[name]) for name in sorted(found)), key=lambda one: -one.output_tokens)
    used = [one for one in tokens if one.model_calls]
    return sorted(used, key=lambda one: one.name) if by == "day" else used


def _within(
    answers: _Answers, span: Span, question: str, name: str, columns: Sequence[str], **parameters: Any
) -> dict[str, list[int]]:
    """Sums that a question counts from a point in time on: those of a stretch are the difference of two."""
    found: dict[str, list[int]] = {}
    for since, sign in ((span.since, 1), (span.until, -1)):
        if sign < 0 and since is None:
            continue
        for row in answers.rows(AGENTS, question, since=since, **parameters):
            sums = found.setdefault(str(row[name]), [0] * len(columns))
            for place, column in enumerate(columns):
                sums[place] += sign * int(row[column] or 0)
    return found
