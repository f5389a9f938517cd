"""What two producers tell of one session, and what belongs to a round that is long over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.plugin import (
    BlockReceived,
    ErrorReported,
    Fact,
    MessageStarted,
    PromptSubmitted,
    Reading,
    RoundEnded,
    SessionObserved,
)
from eventsrc.testing.given import Given
from projections.agents import Agents

STREAMED = PromptSubmitted(sid="s", prompt="hi\nYour agent Id is: s", round="R", pid=7, time=10.02)
WRITTEN = PromptSubmitted(sid="s", prompt="hi", prompt_id="u1", time=9.99)
CALL = BlockReceived(
    sid="s", message_id="m", key="k", block_type="tool_use", content="{}", tool_use_id="call", time=11.0
)


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    with Given(Agents, tmp_path) as one:
        yield one


KEYED = PromptSubmitted(sid="s", prompt="hi", prompt_id="u1", round="P", time=9.99)


@pytest.mark.parametrize("order", [(STREAMED, WRITTEN), (WRITTEN, STREAMED), (STREAMED, KEYED), (KEYED, STREAMED)])
def test_a_prompt_in_a_stream_and_in_a_transcript_is_one_round(given: Given, order: tuple[Fact, ...]) -> None:
    for fact in (*order, *order):
        given.facts(fact)
        given.forget()
    given.facts(RoundEnded(sid="s", outcome="complete", round="R", pid=7, time=12.0))
    assert given.rows("SELECT state, end_time FROM rounds") == [("complete", 12.0)]
    assert given.rows("SELECT round_count, open_rounds FROM sessions") == [(1, "[]")]


def test_the_same_words_said_later_are_another_round(given: Given) -> None:
    given.facts(STREAMED, PromptSubmitted(sid="s", prompt="hi", prompt_id="u2", time=60.0))
    assert given.rows("SELECT count(*) FROM rounds") == [(2,)]


def test_the_same_words_said_twice_to_one_producer_are_two_rounds(given: Given) -> None:
    given.facts(WRITTEN, PromptSubmitted(sid="s", prompt="hi", prompt_id="u2", time=10.1))
    assert given.rows("SELECT count(*) FROM rounds") == [(2,)]


def test_a_command_typed_into_a_round_does_not_take_the_place_of_its_prompt(given: Given) -> None:
    given.facts(KEYED, PromptSubmitted(sid="s", prompt="/exit", prompt_id="u2", round="P", kind="command", time=15.0))
    assert given.rows("SELECT user_prompt, kind, user_prompt_time FROM rounds") == [("hi", "prompt", 9.99)]


@pytest.mark.parametrize("link", ["message", "session"])
def test_what_a_sub_agent_did_belongs_to_the_round_of_the_call_that_started_it(given: Given, link: str) -> None:
    given.facts(WRITTEN, CALL)
    if link == "session":
        given.facts(SessionObserved(sid="s", metadata={"agent.a.tool_use_id": "call"}))
    given.facts(PromptSubmitted(sid="s", prompt="next", prompt_id="u2", time=20.0))
    call = "call" if link == "message" else None
    given.forget()
    given.facts(
        MessageStarted(sid="s", message_id="sub", is_sidechain=True, agent_id="a", parent_tool_use_id=call, time=12.0),
        BlockReceived(sid="s", message_id="sub", key="k2", block_type="text", content="found", time=12.0),
    )
    assert given.rows("SELECT round_id FROM messages WHERE message_id = 'sub'") == [("s/u1",)]
    assert given.rows("SELECT round_id FROM content_blocks WHERE content = 'found'") == [("s/u1",)]


@pytest.mark.parametrize("known_before", [False, True])
def test_a_sub_agents_file_may_be_read_before_that_of_its_session(given: Given, known_before: bool) -> None:
    link = SessionObserved(sid="s", metadata={"agent.a.tool_use_id": "call"})
    given.facts(
        MessageStarted(sid="s", message_id="sub", is_sidechain=True, agent_id="a", time=12.0),
        BlockReceived(sid="s", message_id="sub", key="k2", block_type="text", content="found", time=12.0),
    )
    if known_before:
        given.forget()
    given.facts(WRITTEN, CALL, PromptSubmitted(sid="s", prompt="next", prompt_id="u2", time=20.0), link)
    assert given.rows("SELECT round_id FROM messages WHERE message_id = 'sub'") == [("s/u1",)]
    assert given.rows("SELECT round_id FROM content_blocks WHERE content = 'found'") == [("s/u1",)]


def said(kind: str, uuid: str, time: float) -> list[Fact]:
    """An assistant's record of a transcript: one whole block."""
    return [
        MessageStarted(sid="s", message_id=f"m{uuid}", time=time),
        BlockReceived(sid="s", message_id=f"m{uuid}", key=uuid, block_type=kind, content="{}", time=time),
    ]


@pytest.mark.parametrize(("last", "state", "end"), [("text", "complete", 11.0), ("tool_use", "superseded", 20.0)])
def test_a_transcripts_round_without_an_end_ended_well_if_its_last_block_is_a_text(
    given: Given, last: str, state: str, end: float
) -> None:
    given.facts(WRITTEN, *said("tool_use", "a", 10.5), *said(last, "b", 11.0))
    assert given.rows("SELECT state FROM rounds") == [("open",)]
    given.facts(PromptSubmitted(sid="s", prompt="next", prompt_id="u2", time=20.0))
    found = given.rows("SELECT state, end_time, has_stop FROM rounds WHERE round_id = 's/u1'")
    assert found == [(state, end, 0)]


def test_a_streamed_round_without_an_end_is_superseded_whatever_was_said_last(given: Given) -> None:
    given.facts(STREAMED, *said("text", "a", 11.0))
    given.facts(PromptSubmitted(sid="s", prompt="next", round="R2", pid=7, time=20.0))
    assert given.rows("SELECT state FROM rounds WHERE round_id = 's/R'") == [("superseded",)]


def test_a_command_opens_a_round_only_when_the_model_answers_it(given: Given) -> None:
    command = PromptSubmitted(sid="s", prompt="/review", prompt_id="c", kind="command", time=15.0)
    states = "SELECT state, has_user_prompt FROM rounds ORDER BY round_number"
    given.facts(WRITTEN, command)
    given.forget()
    assert given.rows(states) == [("open", 1), ("warm_up", 0)]
    given.facts(*said("text", "a", 16.0))
    assert given.rows(states) == [("superseded", 1), ("open", 1)]


def test_unknown_records_of_two_sources_are_kept_though_their_ids_are_equal(given: Given) -> None:
    given.readings(
        Reading(position, "1", "new.type", f"urn:{position}", [], "{}", "s", "2026-01-10T10:00:00Z")
        for position in (1, 2)
    )
    assert given.rows("SELECT event_id, position FROM raw_events ORDER BY 2") == [("1", 1), ("1", 2)]


def test_every_error_of_one_event_is_kept(given: Given) -> None:
    given.readings([given.reading(ErrorReported(sid="s", message="a"), ErrorReported(sid="s", message="a"))])
    assert given.rows("SELECT message FROM errors") == [("a",), ("a",)]
