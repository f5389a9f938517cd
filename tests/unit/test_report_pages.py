"""Reports as JSON, Markdown and HTML: the same numbers, and what agents wrote is never taken for anything but text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.errors import UnknownProjection
from eventsrc.report import Report, Span, gather, historical, to_html, to_markdown
from eventsrc.service.reports import made
from tests.conversation_kit import START, agent_message, asked, mix

EVIL = "<script>alert(1)</script>"
KEYS = (
    "timestamp",
    "total_items",
    "total_messages_within_threads",
    "is_defragmented",
    "collaboration_score",
    "speakers",
    "message_types",
    "chain_types",
    "ace_tiers",
    "keywords",
    "timeline",
    "metadata_insights",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    lines = [*mix(60), *(msgspec.json.encode({**agent_message(n), "from": EVIL, "to": "a|b"}) for n in range(3))]
    return made(asked(tmp_path_factory.mktemp("report"), lines), Span(), START.timestamp())


def test_the_json_form_begins_with_the_historical_keys_in_their_order(report: Report) -> None:
    shown = historical(report)
    assert tuple(shown)[: len(KEYS)] == KEYS
    assert tuple(shown["metadata_insights"]) == ("shl_tags_frequency", "consolidation_ratio", "content_hash_coverage")
    assert shown["total_items"] == shown["recorded"] == sum(shown["speakers"].values()) > 60
    assert list(shown["speakers"].values()) == sorted(shown["speakers"].values(), reverse=True)
    assert set(shown["message_types"]) == {"request", "response", "unknown"}  # the historical one said `unknown` alone
    assert [one["variant"] for one in shown["scores"]] == ["compat_v1", "compat_v2", "default"]
    assert shown["empty"] > 0 and shown["rejected"] > 0
    assert json.dumps(json.loads(json.dumps(shown))) == json.dumps(shown)


def test_all_forms_tell_the_same_numbers(report: Report) -> None:
    markdown, page = to_markdown(report), to_html(report)
    for name, count in report.speakers:
        if name != EVIL:
            assert f"| {name} | {count} |" in markdown
            assert f'<td>{name}</td><td class="n">{count:,}</td>' in page
    assert f"| score | {' | '.join(f'{one.total:g}' for one in report.scores)} |" in markdown


def test_what_agents_wrote_is_text_in_every_form(report: Report) -> None:
    assert EVIL in dict(report.speakers)
    page, markdown = to_html(report), to_markdown(report)
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "<script" not in markdown
    assert all(line.count("|") - line.count("\\|") in (0, *range(3, 9)) for line in markdown.splitlines())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(report: Report) -> None:
    tags = _Tags()
    page = to_html(report)
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags.found}
    assert not [attrs for _, attrs in tags.found if {"src", "href", "onload"} & set(attrs)]
    assert "default-src 'none'" in page
    assert len([tag for tag, _ in tags.found if tag == "svg"]) >= 6
    assert "http" not in re.sub(r'xmlns="[^"]*"|http-equiv', "", page)


def test_an_empty_stretch_of_time_is_a_report_too(tmp_path: Path) -> None:
    report = made(asked(tmp_path, mix(5)), Span(1.0, 2.0), 3.0)
    assert report.totals.recorded == 0 and report.scores[0].total == 0.0
    assert "| messages recorded | 0 |" in to_markdown(report)
    assert to_html(report).endswith("</html>\n")


def test_days_without_messages_stand_in_the_chart_and_centuries_do_not() -> None:
    def ask(model: str, question: str, _parameters: Any, /) -> Sequence[dict[str, Any]]:
        if question != "report_timeline":
            return []
        return [{"name": day, "messages": 2} for day in days]

    days = ["2026-01-01", "2026-01-04"]
    page = to_html(gather(ask, Span(), 300.0))
    assert "<title>2026-01-02: 0</title>" in page and "<td>2026-01-02</td>" not in page
    days = ["2026-01-01", "9999-01-01"]
    assert to_html(gather(ask, Span(), 300.0)).count("<rect") == 2


def ask_agents(model: str, question: str, parameters: Any, /) -> Sequence[dict[str, Any]]:
    """Counts from a point in time on, as the read model `agents` gives them."""
    if model != "agents":
        raise UnknownProjection(name=model, known="agents")
    later = parameters["since"] == 200.0
    if question == "errors":
        return [{"tool_name": "Bash", "calls": 3 if later else 10, "errors": 1 if later else 4}]
    return [
        {
            "key": f"{parameters['by']}-1",
            "model_calls": 1 if later else 5,
            "input_tokens": 10 if later else 50,
            "output_tokens": 20 if later else 70,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": 0,
        }
    ]


def test_tools_and_tokens_of_a_stretch_are_the_difference_of_two_counts() -> None:
    report = gather(ask_agents, Span(100.0, 200.0), 300.0)
    assert [(one.name, one.calls, one.errors) for one in report.tools] == [("Bash", 7, 3)]
    (tokens,) = report.tokens_by_model
    assert (tokens.name, tokens.model_calls, tokens.input_tokens, tokens.output_tokens) == ("model-1", 4, 40, 50)
    assert report.tokens_by_day[0].name == "day-1"


def test_a_read_model_that_is_not_there_is_named() -> None:
    report = gather(ask_agents, Span(), 300.0)
    assert report.missing == ("conversations",)
    assert "Not asked, because they are not there: conversations." in to_markdown(report)
