"""Facts in any order, twice, or known by other names: the read model ends with the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    Fact,
    MessageEnded,
    MessageStarted,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolResultReceived,
    UsageReported,
)
from eventsrc.testing.given import Given
from projections.agents import Agents

BLOCK = "SELECT block_type, content, is_complete, start_time, complete_time, total_bytes FROM content_blocks"


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    with Given(Agents, tmp_path) as one:
        yield one


def start(index: int = 0, time: float = 1.0, **fields: object) -> BlockStarted:
    return BlockStarted(sid="s", request_id="req", index=index, block_type="text", time=time, **fields)  # type: ignore[arg-type]


def piece(text: str, time: float = 2.0, request_id: str = "req", message_id: str = "") -> BlockDelta:
    return BlockDelta(sid="s", request_id=request_id, message_id=message_id, index=0, kind="text", text=text, time=time)


DONE = BlockCompleted(sid="s", request_id="req", index=0, time=3.0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_block_is_the_same_whichever_of_its_records_comes_first(given: Given, order: tuple[int, ...]) -> None:
    facts: list[Fact] = [start(), piece("hello"), DONE]
    for number in order:
        given.facts(facts[number])
        given.forget()
    assert given.rows(BLOCK) == [("text", "hello", 1, 1.0, 3.0, 5)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_message_is_the_same_whichever_of_its_records_comes_first(given: Given, order: tuple[int, ...]) -> None:
    facts: list[Fact] = [
        MessageStarted(sid="s", message_id="msg", request_id="req", model="m", time=1.0),
        MessageEnded(sid="s", request_id="req", stop_reason="end_turn", time=2.0),
        MessageEnded(sid="s", request_id="req", stopped=True, time=3.0),
    ]
    for number in order:
        given.facts(facts[number])
        given.forget()
    row = given.row("SELECT * FROM messages")
    assert (row["message_id"], row["request_id"], row["role"], row["model"]) == ("msg", "req", "assistant", "m")
    assert (row["start_time"], row["end_time"], row["stop_reason"], row["is_complete"]) == (1.0, 3.0, "end_turn", 1)


def test_a_block_that_is_streamed_once_more_is_not_doubled(given: Given) -> None:
    given.facts(start(), piece("hel"), piece("lo"), DONE)
    given.facts(start(), piece("h"), piece("ell"), piece("o"), DONE)
    assert given.rows(BLOCK) == [("text", "hello", 1, 1.0, 3.0, 5)]


def test_a_message_start_that_is_written_twice_is_one_start(given: Given) -> None:
    begun = MessageStarted(sid="s", message_id="msg", request_id="req", time=1.0)
    given.facts(begun, begun, start(), piece("x"))
    assert given.rows("SELECT count(*) FROM messages") == [(1,)]
    assert given.rows(BLOCK)[0][1] == "x"


def test_pieces_that_came_under_the_message_id_join_those_under_the_request_id(given: Given) -> None:
    given.facts(piece("a", message_id="msg", request_id=""), piece("b"))
    given.forget()
    assert len(given.rows("SELECT flow_id FROM messages")) == 2
    given.facts(MessageStarted(sid="s", message_id="msg", request_id="req", model="m", time=1.0), piece("c"))
    given.facts(piece("d", message_id="msg", request_id=""))
    assert given.rows("SELECT flow_id, message_id, request_id, model FROM messages") == [("req", "msg", "req", "m")]
    assert given.rows("SELECT flow_id, content, total_bytes, delta_count FROM content_blocks") == [
        ("req", "abcd", 4, 4)
    ]


def test_two_flows_that_become_one_take_their_tools_results_and_tokens_along(given: Given) -> None:
    call = BlockStarted(sid="s", message_id="msg", index=1, block_type="tool_use", tool_use_id="t", tool_name="Bash")
    given.facts(
        call,
        ToolResultReceived(sid="s", tool_use_id="t", content="ok", result_id="r"),
        UsageReported(sid="s", usage_id="msg", message_id="msg", rule="replace", input_tokens=3),
        piece("b"),
    )
    given.forget()
    given.facts(MessageStarted(sid="s", message_id="msg", request_id="req"))
    assert given.rows("SELECT flow_id, block_index FROM content_blocks ORDER BY 2") == [("req", 0), ("req", 1)]
    assert given.rows("SELECT flow_id, block_index FROM tool_results") == [("req", 1)]
    assert given.rows("SELECT usage_id, flow_id FROM usage") == [("msg", "req")]
    assert given.rows("SELECT DISTINCT flow_id FROM flows") == [("req",)]


def test_messages_that_have_ids_of_their_own_are_never_joined(given: Given) -> None:
    given.facts(
        MessageStarted(sid="s", message_id="m1", request_id="r1"),
        MessageStarted(sid="s", message_id="m2", request_id="r2"),
        MessageStarted(sid="s", message_id="m1", request_id="r2"),
    )
    assert given.rows("SELECT flow_id, message_id FROM messages ORDER BY 1") == [("r1", "m1"), ("r2", "m2")]


def test_tokens_known_by_the_request_first_are_one_call_once_the_message_is_named(given: Given) -> None:
    given.facts(
        UsageReported(sid="s", usage_id="req", request_id="req", rule="replace", output_tokens=7, is_final=True),
        UsageReported(sid="s", usage_id="msg", message_id="msg", request_id="req", input_tokens=2, output_tokens=7),
    )
    assert given.rows("SELECT usage_id, input_tokens, output_tokens FROM usage") == [("msg", 2, 7)]


def test_tokens_by_request_do_not_swallow_another_request_of_the_same_message(given: Given) -> None:
    given.facts(
        UsageReported(sid="s", usage_id="msg", message_id="msg", request_id="r1", input_tokens=1),
        UsageReported(sid="s", usage_id="r2", request_id="r2", rule="replace", input_tokens=5),
        UsageReported(sid="s", usage_id="msg", message_id="msg", request_id="r2", input_tokens=5),
    )
    assert given.rows("SELECT sum(input_tokens), count(*) FROM usage") == [(6, 2)]


def test_a_tool_call_told_of_under_two_ids_is_one_block(given: Given) -> None:
    given.facts(
        BlockReceived(sid="s", message_id="c", key="c", block_type="tool_use", content="{}", tool_use_id="c"),
        BlockStarted(sid="s", message_id="fc", index=0, block_type="tool_use", tool_use_id="c"),
        BlockDelta(sid="s", message_id="fc", index=0, kind="json", text="{}"),
        BlockCompleted(sid="s", message_id="fc", index=0),
    )
    assert given.rows("SELECT flow_id, content, is_complete FROM content_blocks") == [("c", "{}", 1)]


def test_the_end_of_a_copy_of_a_call_makes_no_second_block(given: Given) -> None:
    call = BlockReceived(sid="s", message_id="c", key="c", block_type="tool_use", content="{}", tool_use_id="c")
    given.facts(call)
    given.forget()
    copy = BlockReceived(sid="s", message_id="fc", key="c", block_type="tool_use", content="{}", tool_use_id="c")
    given.facts(copy, BlockCompleted(sid="s", message_id="fc", index=0))
    assert given.rows("SELECT count(*) FROM content_blocks") == [(1,)]


def test_a_result_may_come_before_its_call(given: Given) -> None:
    given.facts(
        ToolResultReceived(sid="s", tool_use_id="t", content="ok", result_id="r", time=5.0),
        BlockReceived(sid="s", message_id="m", key="k", block_type="tool_use", content="{}", tool_use_id="t", time=4.0),
    )
    assert given.rows("SELECT flow_id, execution_duration_ms FROM tool_results") == [("m", 1000.0)]
    assert given.ask("pending", now=9.0) == []


@pytest.mark.parametrize("outcome", ["complete", "aborted"])
@pytest.mark.parametrize("end_first", [False, True])
def test_a_round_ends_alike_when_its_end_is_told_of_before_its_prompt(
    given: Given, outcome: str, end_first: bool
) -> None:
    prompt = PromptSubmitted(sid="s", prompt="p", round="R", time=1.0)
    end = RoundEnded(sid="s", outcome=outcome, round="R", time=3.0)
    for fact in (end, prompt) if end_first else (prompt, end):
        given.facts(fact)
        given.forget()
    row = given.row("SELECT state, end_time, duration_ms, has_stop, user_prompt FROM rounds")
    assert row == {"state": outcome, "end_time": 3.0, "duration_ms": 2000.0, "has_stop": 1, "user_prompt": "p"}


def test_an_end_that_was_earlier_than_the_prompt_does_not_end_its_round(given: Given) -> None:
    given.facts(
        RoundEnded(sid="s", outcome="complete", round="R", time=1.0),
        PromptSubmitted(sid="s", prompt="p", round="R", time=2.0),
    )
    assert given.rows("SELECT state, has_stop, end_time FROM rounds") == [("open", 0, None)]


def test_a_session_whose_end_is_told_of_before_its_start_is_not_active(given: Given) -> None:
    given.facts(
        SessionEnded(sid="s", pid=7, reason="exit", time=9.0), SessionStarted(sid="s", pid=7, source="new", time=1.0)
    )
    assert given.rows("SELECT is_active, start_time, end_time FROM sessions") == [(0, 1.0, 9.0)]
    assert given.rows("SELECT start_time, end_time FROM runs") == [(1.0, 9.0)]
