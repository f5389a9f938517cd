"""A report in the keys of the historical one, in their order, and after them what it did not have."""

from __future__ import annotations

from typing import Any

import msgspec

from eventsrc.clock import format_time
from eventsrc.report.values import Report

KEYWORDS, TAGS = 20, 10  # how many the historical report listed


def historical(report: Report) -> dict[str, Any]:
    """`eventsrc report --format json`. The first twelve keys are historical (`collaboration_score` is `compat_v2`);
    from `scores` on they are ours, with the components of each variant. Times are RFC 3339 in UTC, or null."""
    totals = report.totals
    return {
        "timestamp": format_time(report.made_at),
        "total_items": totals.recorded,
        "total_messages_within_threads": totals.in_threads,
        "is_defragmented": False,
        "collaboration_score": report.score("compat_v2"),
        "speakers": dict(report.speakers),
        "message_types": dict(report.message_types),
        "chain_types": dict(report.domains),
        "ace_tiers": dict(report.tiers),
        "keywords": [list(one) for one in report.keywords[:KEYWORDS]],
        "timeline": dict(report.timeline),
        "metadata_insights": _insights(report),
        "scores": [msgspec.to_builtins(one) for one in report.scores],
        "recorded": totals.recorded,
        "arrived": totals.arrived,
        "observations": totals.observations,
        "empty": totals.empty,
        "rejected": totals.rejected,
        "duplicates": totals.repeats,
        "placeholders": totals.placeholders,
        "zone_unknown": totals.zone_unknown,
        "first_time": _moment(totals.first_time),
        "last_time": _moment(totals.last_time),
        "since": _moment(report.since),
        "until": _moment(report.until),
        "rules": totals.rules,
        "answers": msgspec.to_builtins(report.answers),
        "threads": dict(report.thread_statuses),
        "tools": msgspec.to_builtins(report.tools),
        "tokens_by_model": msgspec.to_builtins(report.tokens_by_model),
        "tokens_by_day": msgspec.to_builtins(report.tokens_by_day),
        "missing": list(report.missing),
    }


def _insights(report: Report) -> dict[str, Any]:
    consolidated = dict(report.speakers).get("consolidated", 0)
    total = report.totals.recorded
    return {
        "shl_tags_frequency": dict(report.tags[:TAGS]),
        "consolidation_ratio": {
            "consolidated_count": consolidated,
            "total_count": total,
            "consolidation_percentage": round(consolidated / total * 100, 2) if total else 0.0,
        },
        "content_hash_coverage": 100.0 if total else 0.0,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)
