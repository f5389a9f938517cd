"""A report cut into sections: titles, tables and what is worth a chart. Markdown and HTML are both made from these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from eventsrc.clock import format_time
from eventsrc.report.score import MEASURES
from eventsrc.report.values import Counts, Report, Tokens

DAYS = 10  # of the timeline, in a table
MOST = 20  # rows of a table of names: what a person reads; the JSON form has them all
BARS = 12  # bars of a chart
DAYS_MOST = 36_600  # days that a chart spreads out, a century; a wall clock that was wrong can name any year
Cell = str | int | float


class Section(msgspec.Struct, frozen=True):
    """A title, a table, and a sentence where one is needed."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    chart: Literal["", "bars", "columns"] = ""
    points: Counts = []
    """What the chart shows."""
    caption: str = ""
    """What the chart shows, in words, where that is not plain."""


def sections(report: Report) -> list[Section]:
    """All that have something to say, in reading order."""
    found = [
        _overview(report),
        *_findings(report),
        _counted("Speaker activity", "speaker", report.speakers),
        _counted("Domain focus", "domain", report.domains),
        _counted("Tiers", "tier (A architectural, C collaborative, E execution)", report.tiers),
        _counted("Message types", "type", report.message_types),
        _counted("Tags", "tag", report.tags, of=report.totals.recorded),
        _counted("Top keywords", "keyword", report.keywords, of=report.totals.recorded),
        _timeline(report),
        *_scores(report),
        _counted("Threads", "final status", report.thread_statuses, unit="threads"),
        _tools(report),
        _tokens("Tokens by model", "model", report.tokens_by_model),
        _tokens("Tokens by day", "day (UTC)", report.tokens_by_day[-DAYS:]),
    ]
    return [section for section in found if section.rows]


def title(report: Report) -> str:
    """What the report is about: the stretch of time that was asked for."""
    since = format_time(report.since)[:19] if report.since is not None else "the beginning"
    until = format_time(report.until)[:19] if report.until is not None else "now"
    return f"What the agents said and did, from {since} until {until} (UTC)"


def _overview(report: Report) -> Section:
    totals, answers, median = report.totals, report.answers, report.answers.median_answer_seconds
    rows: list[tuple[str, Cell]] = [
        ("messages recorded", f"{totals.recorded:,}"),
        ("observations of them", f"{totals.observations:,}"),
        ("of these in threads", f"{totals.in_threads:,}"),
        ("repeated texts", f"{totals.repeats:,}"),
        ("by nobody named", f"{totals.placeholders:,}"),
        ("wall time of an unknown zone", f"{totals.zone_unknown:,}"),
        ("refused: empty", f"{totals.empty:,}"),
        ("refused: no sender or no shape", f"{totals.rejected:,}"),
        ("requests", f"{answers.requests:,}"),
        ("requests answered", f"{answers.answered:,}"),
        ("median time to an answer", "-" if median is None else f"{median:.1f} s"),
        ("first message", _moment(totals.first_time)),
        ("last message", _moment(totals.last_time)),
        ("read by the rules", totals.rules or "-"),
    ]
    missing = f"Not asked, because they are not there: {', '.join(report.missing)}." if report.missing else ""
    return Section("Overview", ("what", ""), rows, missing)


def _moment(seconds: float | None) -> str:
    return "-" if seconds is None else format_time(seconds)[:19]


def _findings(report: Report) -> list[Section]:
    tags = [(name, n) for name, n in report.tags if not name.startswith("@Chain-")]
    found = [
        (what, f"{counts[0][0]} ({counts[0][1]})")
        for what, counts in (("busiest speaker", report.speakers), ("main domain", report.domains), ("main tag", tags))
        if counts
    ]
    if report.scores:
        found.append(("collaboration score (default, heuristic)", f"{report.score('default'):g} of 100"))
    return [Section("Key findings", ("what", ""), found)]


def _counted(title: str, what: str, counts: Counts, *, of: int | None = None, unit: str = "messages") -> Section:
    """`of`: what all are a part of, where one message can be in several rows."""
    total = sum(n for _, n in counts) if of is None else of
    rows = [(name, n, f"{n / total:.1%}") for name, n in counts[:MOST]]
    note = f"{len(counts) - MOST} more are not shown." if len(counts) > MOST else ""
    return Section(title, (what, unit, "share"), rows, note, "bars", counts[:BARS])


def _timeline(report: Report) -> Section:
    days = report.timeline
    note = f"The last {DAYS} of {len(days)} days with messages." if len(days) > DAYS else ""
    return Section("Message timeline", ("day (UTC)", "messages"), days[-DAYS:], note, "columns", _every_day(days))


def _every_day(days: Counts) -> Counts:
    """The days between the first and the last, those without messages too: a chart without them would lie."""
    if not days:
        return []
    first, last = (date.fromisoformat(days[end][0]).toordinal() for end in (0, -1))
    if last - first > DAYS_MOST:
        return days
    found = dict(days)
    names = (date.fromordinal(day).isoformat() for day in range(first, last + 1))
    return [(name, found.get(name, 0)) for name in names]


def _scores(report: Report) -> list[Section]:
    """The components of all variants side by side."""
    if not report.scores:
        return []
    alike = zip(*(one.components for one in report.scores), strict=True)
    rows: list[tuple[Cell, ...]] = [
        (parts[0].name, *(f"{part.value:.1f} ({part.count} of {part.of})" for part in parts)) for parts in alike
    ]
    rows.append(("score", *(f"{one.total:g}" for one in report.scores)))
    about = " ".join(f"{one.variant}: {one.about}." for one in report.scores)
    note = f"A heuristic. It measures {MEASURES}. {about}"
    points = [(one.variant, round(one.total)) for one in report.scores]
    columns = ("component", *(one.variant for one in report.scores))
    return [Section("Collaboration metrics", columns, rows, note, "bars", points)]


def _tools(report: Report) -> Section:
    rows = [(tool.name, tool.calls, tool.errors, f"{tool.errors / tool.calls:.1%}") for tool in report.tools[:MOST]]
    points = [(tool.name, tool.calls) for tool in report.tools[:BARS]]
    return Section("Tools", ("tool", "calls", "errors", "failed"), rows, chart="bars", points=points)


def _tokens(title: str, what: str, tokens: Sequence[Tokens]) -> Section:
    rows = [
        (
            one.name,
            one.model_calls,
            one.input_tokens,
            one.output_tokens,
            one.cache_creation_input_tokens,
            one.cache_read_input_tokens,
        )
        for one in tokens
    ]
    points = [(one.name, one.output_tokens) for one in tokens]
    columns = (what, "calls", "input", "output", "cache write", "cache read")
    return Section(title, columns, rows, "", "bars", points[:BARS], "Output tokens:")
