"""Stalled, waiting, orphaned, idle: right where it matters, whatever the clock and the processes did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.plugin import (
    Activity,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    Fact,
    MachineWoke,
    MessageStarted,
    ProcessGone,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionObserved,
    SessionStarted,
    ToolCallEnded,
    ToolCallStarted,
    ToolResultReceived,
    UsageReported,
    Waiting,
)
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.states import STATES

T = 1_768_039_200.0
HOUR = 3_600.0


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    with Given(Agents, tmp_path) as one:
        yield one


def told(given: Given, *facts: Fact) -> None:
    """Each by a new object: what is not in columns is lost."""
    for fact in facts:
        given.facts(fact)
        given.forget()


def state(given: Given, after: float, sid: str = "s") -> str:
    """The state of the session so many seconds after T."""
    (row,) = given.ask("session", sid=sid, now=T + after)
    return str(row["state"])


def prompt(pid: int | None = 1, sid: str = "s", time: float = T) -> PromptSubmitted:
    return PromptSubmitted(sid=sid, pid=pid, prompt="on", prompt_id=f"p{sid}{time}", time=time)


def call(tool: str, time: float, name: str = "Bash", text: str = "{}") -> ToolCallStarted:
    return ToolCallStarted(sid="s", pid=1, tool_use_id=tool, tool_name=name, tool_input=text, time=time)


def over(tool: str, time: float, outcome: str = "success") -> ToolCallEnded:
    return ToolCallEnded(sid="s", pid=1, tool_use_id=tool, outcome=outcome, time=time)


# --- long silences --------------------------------------------------------------------------------------------------


def test_a_model_that_thinks_for_minutes_is_not_stalled(given: Given) -> None:
    told(given, prompt())
    assert [state(given, after) for after in (1, 300, 599)] == ["active"] * 3
    assert state(given, 601) == "stalled"


def test_a_stream_that_stops_in_a_block_is_stalled_soon(given: Given) -> None:
    told(
        given,
        prompt(),
        BlockStarted(sid="s", message_id="m", index=0, block_type="text", time=T + 1),
        BlockDelta(sid="s", message_id="m", index=0, kind="text", text="He", time=T + 2),
    )
    assert (state(given, 31), state(given, 33)) == ("active", "stalled")


def test_a_tool_that_runs_for_an_hour_is_not_stalled_and_its_age_is_told(given: Given) -> None:
    told(given, prompt(), call("t", T + 1))
    assert state(given, HOUR) == "active"
    (row,) = given.ask("stalled", now=T + HOUR)
    assert (row["state"], row["kind"], row["age"]) == ("active", "waiting_tool", HOUR - 1)
    assert state(given, 3 * HOUR) == "stalled"


def test_a_call_of_a_round_long_over_does_not_excuse_a_silence(given: Given) -> None:
    told(given, prompt(), call("t", T + 1), prompt(time=T + 10))
    assert given.ask("stalled", now=T + 900)[0]["kind"] == "silent"
    assert state(given, 900) == "stalled"


def test_time_for_which_the_machine_slept_is_no_silence(given: Given) -> None:
    told(given, prompt(), MachineWoke(time=T + 8 * HOUR, seconds=8 * HOUR - 20))
    assert state(given, 8 * HOUR) == "active"
    assert given.ask("stalled", now=T + 8 * HOUR) == []
    assert state(given, 8 * HOUR + 700) == "stalled"


def test_a_sleep_before_the_last_sign_of_life_excuses_nothing(given: Given) -> None:
    told(given, MachineWoke(time=T - 10, seconds=8 * HOUR), prompt())
    assert state(given, 700) == "stalled"


def test_a_clock_that_was_set_back_makes_no_negative_ages(given: Given) -> None:
    told(given, prompt(), Waiting(sid="s", pid=1, waiting=True, reason="question", time=T))
    assert given.ask("waiting", now=T - HOUR)[0]["age"] == 0
    assert state(given, -HOUR) == "waiting"


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["exited", "reused", "rebooted", "gone"])
def test_a_session_whose_process_went_away_in_a_round_is_orphaned_not_stalled(given: Given, reason: str) -> None:
    told(
        given, SessionStarted(sid="s", pid=1, time=T), prompt(), ProcessGone(sid="s", pid=1, reason=reason, time=T + 9)
    )
    assert state(given, 900) == "orphaned"
    assert given.ask("stalled", now=T + 900) == []
    assert counted(given, 900)["orphaned"] == 1
    assert counted(given, 30 * HOUR)["orphaned"] == 0  # no news any more; `agents orphaned` tells of it for ever


def test_a_process_that_nobody_can_see_leaves_the_verdict_to_what_is_heard(given: Given) -> None:
    told(given, SessionStarted(sid="s", pid=1, time=T), prompt())  # `invisible` is no event
    assert (state(given, 60), state(given, 900)) == ("active", "stalled")


def test_a_session_that_ended_by_itself_is_ended_and_what_comes_late_does_not_wake_it(given: Given) -> None:
    told(given, prompt(None), SessionEnded(sid="s", time=T + 5), Activity(sid="s", time=T + 6, what="late"))
    assert state(given, 10) == "ended"
    told(given, prompt(None, time=T + 60))
    assert state(given, 61) == "active"


def test_a_session_known_from_its_transcript_alone_lives_while_it_is_heard_of(given: Given) -> None:
    told(given, prompt(None), RoundEnded(sid="s", outcome="complete", time=T + 10))
    assert [state(given, after) for after in (20, 600, 620)] == ["idle", "idle", "ended"]
    assert [len(given.ask("sessions", active=1, now=T + after)) for after in (20, 620)] == [1, 0]


def test_in_a_round_it_may_be_silent_for_longer_and_asking_for_longer_still(given: Given) -> None:
    told(given, prompt(None))
    assert [state(given, after) for after in (HOUR / 2, 2 * HOUR + 1)] == ["stalled", "ended"]
    told(given, Waiting(sid="s", waiting=True, reason="permission", time=T + 1))
    assert [state(given, after * HOUR) for after in (8, 25)] == ["waiting", "ended"]


def test_what_was_left_running_in_the_background_is_told(given: Given) -> None:
    ended = RoundEnded(sid="s", pid=1, outcome="complete", reason="stop", explicit=False, time=T + 5)
    told(given, prompt(), SessionObserved(sid="s", metadata={"background": "2"}), ended)
    assert state(given, 10) == "background"
    told(given, SessionObserved(sid="s", metadata={"background": "0"}))
    assert state(given, 10) == "idle"


# --- waiting for a person -------------------------------------------------------------------------------------------


def test_a_permission_prompt_waits_for_as_long_as_it_takes(given: Given) -> None:
    asks = Waiting(
        sid="s", pid=1, waiting=True, reason="permission: Bash", tool_name="Bash", tool_input='{"a":1}', time=T + 2
    )
    told(given, prompt(), call("t1", T + 1, text='{"a":1}'), call("t2", T + 1, text='{"a":2}'), asks)
    assert state(given, 10 * HOUR) == "waiting"
    (row,) = given.ask("waiting", now=T + 62)
    assert (row["tool_use_id"], row["tool_name"], row["age"], row["input"]) == ("t1", "Bash", 60.0, '{"a":1}')
    told(given, over("t2", T + 5))  # another one, that was allowed already
    assert state(given, 10) == "waiting"
    told(given, over("t1", T + 70))
    assert (state(given, 71), given.ask("waiting", now=T + 71)) == ("active", [])


@pytest.mark.parametrize(
    "sign",
    [
        over("t", T + 9),
        over("t", T + 9, "denied"),
        ToolResultReceived(sid="s", tool_use_id="t", content="", time=T + 9),
        prompt(time=T + 9),
        RoundEnded(sid="s", pid=1, outcome="aborted", time=T + 9),
        MessageStarted(sid="s", message_id="m2", time=T + 9),
        Waiting(sid="s", waiting=False, time=T + 9),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_nobody_is_waited_for_any_more_when_it_goes_on(given: Given, sign: Fact) -> None:
    asks = Waiting(sid="s", pid=1, waiting=True, reason="plan", tool_use_id="t", time=T + 2)
    told(given, prompt(), call("t", T + 1), asks, sign)
    assert given.rows("SELECT waiting_reason, waiting_tool, waiting_time FROM sessions") == [(None, None, None)]


def test_hooks_that_arrive_in_another_order_do_not_end_or_begin_a_wait(given: Given) -> None:
    asks = Waiting(sid="s", pid=1, waiting=True, reason="permission", time=T + 2)
    told(given, prompt(), asks, call("t", T + 1), MessageStarted(sid="s", message_id="m", time=T + 1))
    assert state(given, 5) == "waiting"
    told(given, over("t", T + 9), asks)  # told once more, after it was answered
    assert state(given, 10) == "active"


def test_a_notice_does_not_take_the_place_of_what_is_known_better(given: Given) -> None:
    asks = Waiting(sid="s", pid=1, waiting=True, reason="question", tool_use_id="t", time=T + 2)
    told(
        given, prompt(), call("t", T + 1), asks, Waiting(sid="s", pid=1, waiting=True, reason="permission", time=T + 8)
    )
    assert [(row["reason"], row["age"]) for row in given.ask("waiting", now=T + 12)] == [("question", 10.0)]


# --- calls that hooks tell of ----------------------------------------------------------------------------------------


def pending(given: Given, after: float = 10) -> list[str]:
    rows = given.rows("SELECT tool_use_id FROM pending_tool_calls ORDER BY 1")
    asked = given.ask("pending", now=T + after)
    assert sorted((row["tool_use_id"],) for row in asked) == rows
    assert all(row["age"] == after - 1 and row["state"] == "active" for row in asked)
    assert given.ask("dashboard", now=T + after)[0]["pending_tools"] == len(rows)
    return [tool for (tool,) in rows]


@pytest.mark.parametrize("first", ["hook", "transcript"])
def test_a_call_that_both_tell_of_is_one(given: Given, first: str) -> None:
    block = BlockReceived(
        sid="s", message_id="m", key="u#0", block_type="tool_use", content="{}", tool_use_id="t", time=T + 1
    )
    facts: list[Fact] = [call("t", T + 1), block]
    told(given, prompt(), *(facts if first == "hook" else facts[::-1]))
    assert pending(given) == ["t"]
    told(given, over("t", T + 3))  # the transcript lags behind
    assert pending(given) == []
    told(given, ToolResultReceived(sid="s", tool_use_id="t", content="ok", result_id="r", time=T + 3))
    assert given.rows("SELECT count(*) FROM content_blocks") == [(1,)]
    assert given.rows("SELECT content FROM tool_results") == [("ok",)]
    assert given.rows("SELECT outcome, start_time FROM tool_calls") == [("success", T + 1)]


def test_a_call_that_no_hook_ended_is_over_when_the_model_has_its_result(given: Given) -> None:
    failed = ToolResultReceived(sid="s", tool_use_id="t", content="no", is_error=True, time=T + 3)
    told(given, prompt(), call("t", T + 1), failed)
    assert pending(given) == []
    assert given.rows("SELECT outcome, end_time FROM tool_calls") == [("error", T + 3)]


def test_a_call_that_began_after_its_end_was_told_stays_over(given: Given) -> None:
    told(given, prompt(), over("t", T + 3), call("t", T + 1))
    assert pending(given) == []
    assert given.rows("SELECT start_time, end_time, tool_name FROM tool_calls") == [(T + 1, T + 3, "Bash")]


def test_a_stop_is_taken_back_by_a_later_tool_and_not_by_one_that_is_read_late(given: Given) -> None:
    stop = RoundEnded(sid="s", pid=1, outcome="complete", reason="stop", explicit=False, time=T + 5)
    late = BlockReceived(sid="s", message_id="m", key="u#0", block_type="tool_use", content="{}", time=T + 2)
    told(given, prompt(), stop, late)
    assert given.rows("SELECT state FROM rounds") == [("complete",)]
    told(given, call("t", T + 6))
    assert given.rows("SELECT state, end_time FROM rounds") == [("open", None)]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pid", [1, None], ids=["spooled", "pushed"])
@pytest.mark.parametrize(
    "other",
    [
        PromptSubmitted(sid="s", prompt="mend it", prompt_id="u", time=T + 0.2),
        PromptSubmitted(sid="s", pid=1, prompt="mend it", round="R", time=T + 0.2),
    ],
    ids=["transcript", "stream"],
)
def test_a_prompt_that_a_hook_and_another_tell_of_is_one_round(
    given: Given, order: int, pid: int | None, other: PromptSubmitted
) -> None:
    hook = PromptSubmitted(sid="s", pid=pid, prompt="mend it", round="P", voice="hook", time=T)
    told(given, *(hook, other)[::order])
    assert given.rows("SELECT state, user_prompt FROM rounds") == [("open", "mend it")]
    told(given, RoundEnded(sid="s", outcome="complete", round="P", time=T + 4))
    assert given.rows("SELECT state FROM rounds") == [("complete",)]


# --- titles ---------------------------------------------------------------------------------------------------------

SUMMARY = SessionObserved(title="The build", title_rank=1, title_of="leaf")


@pytest.mark.parametrize(
    "record",
    [
        BlockReceived(sid="s", message_id="m", key="leaf#0", block_type="text", content="done", time=T),
        PromptSubmitted(sid="s", prompt="on", prompt_id="leaf", time=T),
    ],
    ids=["answer", "prompt"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_title_finds_the_session_of_the_record_that_it_names(given: Given, record: Fact, order: int) -> None:
    told(given, *(SUMMARY, record)[::order])
    assert given.rows("SELECT sid, title FROM sessions") == [("s", "The build")]
    assert given.rows("SELECT count(*) FROM titles") == [(0,)]


def test_a_title_of_a_lower_rank_replaces_none_and_one_without_a_session_waits(given: Given) -> None:
    told(given, SUMMARY)
    assert given.rows("SELECT record, title FROM titles") == [("leaf", "The build")]
    own = SessionObserved(sid="s", title="mine", title_rank=3, time=T)
    told(given, own, PromptSubmitted(sid="s", prompt="on", prompt_id="leaf", time=T))
    assert given.rows("SELECT title FROM sessions") == [("mine",)]


# --- counts ---------------------------------------------------------------------------------------------------------


def counted(given: Given, after: float) -> dict[str, int]:
    found = {row["state"]: row["sessions"] for row in given.ask("states", now=T + after)}
    assert tuple(found) == STATES
    return found


def test_every_state_is_counted_and_the_metrics_carry_the_same(given: Given) -> None:
    told(given, prompt(1, "a"), prompt(None, "b"), prompt(3, "c"), Waiting(sid="c", pid=3, waiting=True, time=T + 1))
    told(given, SessionStarted(sid="d", pid=4, time=T), prompt(5, "e"), ProcessGone(sid="e", pid=5, time=T + 2))
    found = counted(given, 10)
    assert found == {"active": 2, "waiting": 1, "stalled": 0, "background": 0, "idle": 1, "orphaned": 1}
    metrics: list[dict[str, Any]] = given.ask("metrics", now=T + 10)
    assert {row["key"]: row["value"] for row in metrics if row["metric"] == "sessions"} == found
    (since,) = (row["value"] for row in metrics if row["metric"] == "waiting_since_timestamp_seconds")
    assert since == T + 1
    names = {"sessions", "pending_tools", "waiting_since_timestamp_seconds", "tokens"}
    assert {row["metric"] for row in metrics} == names
    told(given, Waiting(sid="c", pid=3, waiting=False, time=T + 11))
    metrics = given.ask("metrics", now=T + 12)
    (since,) = (row["value"] for row in metrics if row["metric"] == "waiting_since_timestamp_seconds")
    assert since == 0


def test_metrics_count_tokens_by_kind_and_calls_and_errors_of_the_commonest_tools(given: Given) -> None:
    facts: list[Fact] = [UsageReported(sid="s", usage_id="u", input_tokens=5, cache_read_input_tokens=7, time=T)]
    for number in range(30):
        name = f"mcp__{number:02}"
        for again in range(2 if number < 3 else 1):
            tool = f"t{number}.{again}"
            facts.append(
                BlockReceived(
                    sid="s",
                    message_id=tool,
                    key=tool,
                    block_type="tool_use",
                    content="{}",
                    tool_use_id=tool,
                    tool_name=name,
                    time=T,
                )
            )
            facts.append(ToolResultReceived(sid="s", tool_use_id=tool, content="", is_error=number == 0, time=T + 1))
    given.facts(*facts)
    rows = given.ask("metrics", now=T + 10)
    by = {(row["metric"], row["key"]): row["value"] for row in rows}
    assert (by["tokens", "input"], by["tokens", "cache_read_input"], by["tokens", "output"]) == (5, 7, 0)
    calls = {key: value for (metric, key), value in by.items() if metric == "tool_calls"}
    assert (len(calls), calls["mcp__00"], calls["other"], sum(calls.values())) == (21, 2, 10, 33)
    assert (by["tool_errors", "mcp__00"], by["tool_errors", "other"]) == (2, 0)
