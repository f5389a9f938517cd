"""Every named question answers, and what it answers is what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ErrorReported,
    MessageStarted,
    ProcessGone,
    PromptSubmitted,
    RoundEnded,
    SessionStarted,
    ToolResultReceived,
    UsageReported,
    Waiting,
)
from eventsrc.testing.given import Given
from projections.agents import Agents

T = 1_768_039_200.0  # 2026-01-10T10:00:00Z


def call(tool: str, name: str, time: float) -> BlockReceived:
    whole = BlockReceived(sid="s1", message_id="m1", key=tool, block_type="tool_use", content="{}", time=time)
    return msgspec.structs.replace(whole, tool_use_id=tool, tool_name=name)


def result(tool: str, time: float, *, is_error: bool = False) -> ToolResultReceived:
    return ToolResultReceived(sid="s1", tool_use_id=tool, content="out", is_error=is_error, result_id=tool, time=time)


def spent(sid: str, name: str, model: str, read: int, written: int, time: float) -> UsageReported:
    return UsageReported(
        sid=sid, usage_id=name, message_id=name, model=model, input_tokens=read, output_tokens=written, time=time
    )


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    """Session s1: a complete round with a streamed text and three tools, two of them at once, then an open round with a
    tool that waits. Session s2: its process went away in a round."""
    with Given(Agents, tmp_path) as one:
        one.facts(
            SessionStarted(sid="s1", pid=1, source="new", agent="claude_code", time=T),
            PromptSubmitted(sid="s1", pid=1, prompt="one", prompt_id="p1", time=T),
            MessageStarted(sid="s1", pid=1, message_id="m1", model="big", time=T + 1),
            BlockStarted(sid="s1", message_id="m1", index=0, block_type="text", time=T + 1),
            BlockDelta(sid="s1", message_id="m1", index=0, kind="text", text="ab", time=T + 1),
            BlockDelta(sid="s1", message_id="m1", index=0, kind="text", text="cdefgh", time=T + 3),
            BlockCompleted(sid="s1", message_id="m1", index=0, time=T + 3),
            call("t1", "Bash", T + 4),
            call("t2", "Read", T + 5),
            result("t1", T + 7),
            result("t2", T + 8, is_error=True),
            call("t3", "Bash", T + 9),
            result("t3", T + 10),
            spent("s1", "m1", "big", 5, 7, T + 10),
            RoundEnded(sid="s1", pid=1, outcome="complete", time=T + 11),
            PromptSubmitted(sid="s1", pid=1, prompt="two", prompt_id="p2", time=T + 100),
            call("t4", "Bash", T + 101),
            PromptSubmitted(sid="s2", pid=2, prompt="three", prompt_id="p3", time=T + 50),
            spent("s2", "m2", "small", 1, 0, T + 90_000),
            ErrorReported(sid="s2", pid=2, error_type="overloaded", message="529", time=T + 52),
            ProcessGone(sid="s2", pid=2, reason="exited", time=T + 90_001),
        )  # fmt: skip
        yield one


def test_every_question_answers_whatever_is_not_given(given: Given) -> None:
    for question in Agents.questions:
        given.ask(question.name, **dict.fromkeys(question.arguments, "s1"))


def test_a_round_with_a_prompt_and_no_end_is_unbalanced(given: Given) -> None:
    assert [(row["sid"], row["state"], row["user_prompt"]) for row in given.ask("unbalanced")] == [
        ("s1", "open", "two")
    ]


def test_a_round_whose_process_went_away_is_orphaned(given: Given) -> None:
    assert [(row["round_id"], row["pid"]) for row in given.ask("orphaned")] == [("s2/p3", 2)]


def test_a_tool_without_a_result_is_pending_and_has_an_age(given: Given) -> None:
    assert [(row["tool_use_id"], row["age"]) for row in given.ask("pending", now=T + 131)] == [("t4", 30.0)]


def test_a_session_is_stalled_only_after_so_many_seconds(given: Given) -> None:
    assert given.ask("stalled", now=T + 130) == []
    assert [(row["sid"], row["kind"], row["age"]) for row in given.ask("stalled", now=T + 131)] == [
        ("s1", "waiting_tool", 30.0)
    ]
    assert given.ask("stalled", now=T + 131, after="31") == []


def test_a_session_that_waits_for_a_person_says_so(given: Given) -> None:
    given.facts(Waiting(sid="s1", pid=1, waiting=True, reason="permission", tool_use_id="t4", time=T + 102))
    found = given.ask("stalled", now=T + 200)
    assert [(row["kind"], row["waiting_reason"]) for row in found] == [("waiting_person", "permission")]


def test_totals_of_a_session(given: Given) -> None:
    (row,) = given.ask("stats", sid="s1")
    assert (row["rounds"], row["rounds_complete"], row["messages"], row["blocks"]) == (2, 1, 1, 5)
    assert (row["tool_calls"], row["tool_errors"], row["model_calls"]) == (4, 1, 1)
    assert (row["input_tokens"], row["output_tokens"], row["models"]) == (5, 7, "big")
    assert (row["tools"], row["duration_ms"]) == ('{"Bash":3,"Read":1}', 101_000.0)


def test_two_sessions_stand_side_by_side_in_the_order_asked_for(given: Given) -> None:
    assert [row["sid"] for row in given.ask("compare", sid="s2", other="s1")] == ["s2", "s1"]
    assert [row["errors"] for row in given.ask("compare", sid="s1", other="s2")] == [0, 1]


def test_rates_of_a_block_are_counted_over_the_time_of_its_pieces(given: Given) -> None:
    (row,) = given.ask("rates", round_id="s1/p1")
    assert (row["total_bytes"], row["delta_count"], row["duration_ms"]) == (8, 2, 2000.0)
    assert (row["bytes_per_second"], row["deltas_per_second"]) == (4.0, 1.0)


def test_only_tools_that_overlap_ran_in_parallel(given: Given) -> None:
    (row,) = given.ask("parallel", round_id="s1/p1")
    assert (row["tool_use_id"], row["other_tool_use_id"], row["overlap_ms"]) == ("t1", "t2", 2000.0)


def test_errors_and_durations_per_tool(given: Given) -> None:
    read, bash = given.ask("errors")
    assert (read["tool_name"], read["calls"], read["errors"], read["error_ms"]) == ("Read", 1, 1, 3000.0)
    assert read["success_ms"] is None
    assert (bash["calls"], bash["errors"], bash["average_ms"]) == (2, 0, 2000.0)
    assert [row["tool_name"] for row in given.ask("errors", since=T + 9)] == ["Bash"]


def test_one_screen(given: Given) -> None:
    (row,) = given.ask("dashboard", now=T + 150)
    ones = ("active_sessions", "open_rounds", "pending_tools", "orphaned_rounds")
    assert row == {**dict.fromkeys(ones, 1), "waiting": 0, "stalled": 0, "recent_errors": 2}
    assert given.ask("dashboard", now=T + 5000)[0]["recent_errors"] == 0


@pytest.mark.parametrize(
    ("by", "keys"),
    [(None, ["2026-01-10", "2026-01-11"]), ("session", ["s1", "s2"]), ("model", ["big", "small"])],
)
def test_tokens_per_day_session_and_model(given: Given, by: str | None, keys: list[str]) -> None:
    found = given.ask("usage", **({} if by is None else {"by": by}))
    assert [(row["key"], row["input_tokens"]) for row in found] == list(zip(keys, [5, 1], strict=True))


def test_a_time_series_adds_up_bytes_deltas_and_tokens_per_interval(given: Given) -> None:
    found = given.ask("timeseries", sid="s1", interval="60")
    assert [(row["slot_start"] - T, row["bytes"], row["deltas"], row["tokens"]) for row in found] == [
        (0.0, 14, 2, 12),
        (60.0, 2, 0, 0),
    ]
    assert given.ask("timeseries", sid="s") == [], "two sessions begin so"
    given.facts(spent("longer-id", "m3", "big", 2, 1, T))
    assert [row["tokens"] for row in given.ask("timeseries", sid="longer")] == [3]
