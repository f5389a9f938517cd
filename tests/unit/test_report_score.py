"""The collaboration score: what the historical formula gave, and what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.report import Score, score_of
from tests.conversation_kit import agent_message, asked, recorded, wrapped


def counts(**changes: Any) -> dict[str, Any]:
    return {
        "variant": "compat_v2",
        "speakers": 3,
        "domains": 10,
        "messages": 100,
        "enriched": 100,
        "tagged": 100,
    } | changes


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({}, 100.0),
        ({"messages": 0, "enriched": 0, "tagged": 0}, 0.0),
        ({"speakers": 1, "domains": 1, "messages": 352, "enriched": 352, "tagged": 352}, 68.67),
        ({"speakers": 3, "domains": 9, "messages": 2377, "enriched": 2377, "tagged": 2377}, 98.0),
        ({"speakers": 9, "domains": 12, "messages": 2377, "enriched": 2377, "tagged": 2367}, 99.92),
        ({"speakers": 2, "domains": 5, "messages": 50, "enriched": 25, "tagged": 10}, 47.33),
    ],
)
def test_the_formula(changes: dict[str, Any], total: float) -> None:
    score = score_of(counts(**changes))
    assert score.total == total
    assert all(0 <= component.value <= 100 for component in score.components)


def test_a_score_says_what_it_is_made_of_and_what_it_measures() -> None:
    score = score_of(counts(speakers=2, tagged=40))
    assert [(one.name, one.count, one.of) for one in score.components] == [
        ("speaker diversity", 2, 3),
        ("domain coverage", 10, 10),
        ("consistency", 100, 100),
        ("enrichment", 100, 100),
        ("tagging", 40, 100),
    ]
    assert score.label == "heuristic" and "volume" in score.measures


def scores(folder: Path, records: list[dict[str, Any]]) -> dict[str, Score]:
    models = asked(folder, map(msgspec.json.encode, records))
    return {one.variant: one for one in map(score_of, models.ask("conversations", "report_score").objects())}


def empty(number: int) -> dict[str, Any]:
    """What the historical recorder made of a wrapped message: nothing but metadata about nothing."""
    metadata = {"chain_type": "system_architecture", "ace_tier": "E", "shl_tags": ["@Chain-system_architecture"]}
    return recorded(number, Message="{}", SpeakerName="unknown", Metadata=metadata)


def test_empty_records_alone_reach_two_thirds_of_the_historical_score_and_nothing_of_ours(tmp_path: Path) -> None:
    found = scores(tmp_path, [empty(number) for number in range(352)])
    assert {name: one.total for name, one in found.items()} == {"compat_v1": 48.67, "compat_v2": 68.67, "default": 0.0}


def test_v1_reads_the_top_level_alone_and_counts_what_is_not_there_as_a_domain(tmp_path: Path) -> None:
    top = {"chain_type": "ui_ux", "shl_tags": ["@Chain-ui_ux"]}
    found = scores(tmp_path, [recorded(1, **top), recorded(2), recorded(3, Metadata={}), empty(4)])
    v1, v2 = ([(one.count, one.of) for one in found[name].components] for name in ("compat_v1", "compat_v2"))
    assert v1 == [(4, 3), (2, 10), (4, 100), (3, 4), (1, 4)]
    assert v2 == [(4, 3), (4, 10), (4, 100), (3, 4), (3, 4)]


def test_ours_leaves_out_placeholders_and_what_nobody_can_classify(tmp_path: Path) -> None:
    found = scores(
        tmp_path,
        [
            recorded(1, SpeakerName="unknown"),
            recorded(2, SpeakerName="consolidated"),
            wrapped("sent", agent_message(1)),
            wrapped("received", agent_message(1)),
            wrapped("sent", agent_message(5)),
        ],
    )["default"]
    assert [(one.count, one.of) for one in found.components] == [(1, 3), (1, 10), (2, 100), (1, 2), (1, 2)]
