"""Lines that only the name of their stream leads to a message: what the name stands for, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventsrc.plugin import BlockDelta, BlockReceived, BlockStarted, Fact, MessageEnded, MessageStarted, UsageReported
from eventsrc.testing.given import Given
from projections.agents import Agents


def begins(message_id: str, stream: str = "st", request_id: str = "") -> MessageStarted:
    return MessageStarted(sid="s", message_id=message_id, request_id=request_id, stream=stream)


def piece(text: str, name: str = "st") -> BlockDelta:
    return BlockDelta(sid="s", message_id=name, index=0, kind="text", text=text)


def texts(given: Given) -> dict[str, str]:
    return dict(given.rows("SELECT flow_id, content FROM content_blocks ORDER BY 1"))


@pytest.mark.parametrize("forget", [False, True])
def test_the_name_stands_for_the_message_that_began_last(tmp_path: Path, forget: bool) -> None:
    walk: list[Fact] = [begins("m1"), piece("a"), begins("m2"), piece("b"), begins("m1"), piece("c")]
    with Given(Agents, tmp_path) as given:
        given.readings([given.reading(fact) for fact in walk], batches=[1] * len(walk), forget=forget)
        assert texts(given) == {"m1": "ac", "m2": "b"}


def test_two_streams_do_not_know_each_other(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(begins("m1", "one"), begins("m2", "two"), piece("a", "one"), piece("b", "two"))
        assert texts(given) == {"m1": "a", "m2": "b"}


def test_what_comes_before_any_start_is_kept_under_the_name(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(piece("lost"), begins("m1"), piece("a"), MessageEnded(sid="s", message_id="st", stopped=True))
        assert texts(given) == {"st": "lost", "m1": "a"}
        assert given.rows("SELECT flow_id, is_complete FROM messages ORDER BY 1") == [("m1", 1), ("st", 0)]


def test_a_message_that_turns_out_to_be_another_flow_keeps_its_stream(tmp_path: Path) -> None:
    told = BlockStarted(sid="s", request_id="req", index=1, block_type="thinking", text="from another producer")
    with Given(Agents, tmp_path) as given:
        given.facts(told, begins("m1"), piece("a"), begins("m1", "", "req"), piece("b")).forget()
        given.facts(piece("c"))
        rows = given.rows("SELECT flow_id, block_index, content FROM content_blocks ORDER BY 2")
        assert rows == [("req", 0, "abc"), ("req", 1, "from another producer")]


def test_a_transcript_of_the_same_message_is_the_same_block(tmp_path: Path) -> None:
    whole = BlockReceived(sid="s", message_id="m1", request_id="req", key="k", block_type="text", content="ab")
    with Given(Agents, tmp_path) as given:
        given.facts(begins("m1"), piece("a"), piece("b"), begins("m1", "", "req"), whole, piece("late"))
        assert texts(given) == {"m1": "ab"}


def test_work_beside_the_answer_is_named_after_the_message(tmp_path: Path) -> None:
    answer = UsageReported(sid="s", usage_id="st", message_id="st", rule="replace", output_tokens=9, is_final=True)
    beside = UsageReported(
        sid="s", usage_id="st#0", message_id="st", rule="replace", origin="iteration", output_tokens=50, is_final=True
    )
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            given.facts(begins("m1"), answer, beside, begins("m2"), beside)
        rows = given.rows("SELECT usage_id, origin, output_tokens FROM usage ORDER BY 1")
        assert rows == [("m1", "message", 9), ("m1#0", "iteration", 50), ("m2#0", "iteration", 50)]
