"""The sums beside the rows say what the rows say, whatever came, in whatever batches; questions about everything read
them and count as the rows would."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as tried_with
from hypothesis import strategies as st

from eventsrc.plugin import BlockReceived, Fact, ToolResultReceived, UsageReported
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.totals import MOST, UNTIMED
from tests.agents_sums import SUMS
from tests.unit.test_agents_any_facts import FACTS

NOON = 1_768_046_400.0  # 2026-01-10T12:00:00Z


def agree(given: Given) -> None:
    for table, said in SUMS.items():
        assert sorted(given.rows(f"SELECT * FROM {table}")) == sorted(given.rows(said)), table


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@tried_with(facts=st.lists(FACTS, max_size=30), batch=st.integers(1, 30), forget=st.booleans())
def test_sums_say_what_rows_say_after_any_facts(tmp_path: Path, facts: list[Fact], batch: int, forget: bool) -> None:
    with Given(Agents, tmp_path) as given:
        readings = [given.reading(fact) for fact in facts]
        for start in range(0, len(readings), batch):
            given.readings(readings[start : start + batch], forget=forget)
            agree(given)


def usage(name: str, tokens: int, time: float | None, sid: str = "s") -> UsageReported:
    return UsageReported(sid=sid, usage_id=name, message_id=name, model="m", input_tokens=tokens, time=time)


def test_a_call_told_of_again_is_taken_back_from_the_hour_it_was_in(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(usage("a", 5, NOON))
        given.facts(usage("a", 7, NOON + 7200))
        assert given.rows("SELECT hour, rows, input_tokens FROM usage_totals") == [(NOON // 3600 + 2, 1, 7)]


def test_a_result_is_counted_for_its_tool_also_when_the_call_comes_after_it(tmp_path: Path) -> None:
    call = BlockReceived(sid="s", message_id="m", key="k", block_type="tool_use", content="{}", time=NOON)
    with Given(Agents, tmp_path) as given:
        given.facts(ToolResultReceived(sid="s", tool_use_id="t", content="x", is_error=True, time=NOON + 2))
        given.facts(BlockReceived(**{name: getattr(call, name) for name in call.__struct_fields__} | {
            "tool_use_id": "t", "tool_name": "Bash"}))  # fmt: skip
        assert given.rows("SELECT tool_name, rows, errors, error_duration_us FROM tool_totals") == [
            ("Bash", 1, 1, 2_000_000)
        ]
        agree(given)


def test_what_has_no_time_is_counted_but_not_since_a_time(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(usage("a", 5, None), usage("b", 2, NOON))
        assert given.rows("SELECT min(hour) FROM usage_totals") == [(UNTIMED,)]
        assert [(row["key"], row["input_tokens"]) for row in given.ask("usage")] == [("2026-01-10", 2), ("?", 5)]
        assert [row["key"] for row in given.ask("usage", since=0.0)] == ["2026-01-10"]


@pytest.mark.parametrize("offset", [0.0, 0.5, 1799.0, 3599.5, 3600.0])
def test_since_counts_to_the_second_though_sums_are_per_hour(tmp_path: Path, offset: float) -> None:
    times = [NOON + step * 450.0 for step in range(20)]
    results = [
        ToolResultReceived(sid="s", tool_use_id=f"t{time}", content="x", duration_ms=1000.0, time=time)
        for time in times
    ]
    with Given(Agents, tmp_path) as given:
        given.facts(*(usage(f"u{time}", 1, time) for time in times), *results)
        since = NOON + offset
        expected = sum(time >= since for time in times)
        assert sum(row["input_tokens"] for row in given.ask("usage", since=since)) == expected
        assert sum(row["calls"] for row in given.ask("errors", since=since)) == expected
        assert {row["average_ms"] for row in given.ask("errors", since=since)} == {1000.0}


def test_numbers_that_nobody_can_have_meant_do_not_stop_the_counting(tmp_path: Path) -> None:
    endless = [ToolResultReceived(sid="s", tool_use_id=f"t{n}", content="", duration_ms=1e300, time=NOON) for n in "ab"]
    with Given(Agents, tmp_path) as given:
        given.facts(usage("a", 2**62, NOON), usage("b", 2**62, 1e300), *endless)
        assert given.rows("SELECT sum(input_tokens) FROM usage_totals") == [(2 * MOST,)]
        assert given.ask("errors")[0]["calls"] == 2
