"""Rounds: what opens them, what ends them, and prompts that were written into the wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.plugin import (
    BlockDelta,
    BlockReceived,
    Fact,
    MessageStarted,
    ProcessGone,
    ProcessSeen,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolResultReceived,
    Waiting,
)
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.rounds import uuid7_time

FIRST, SECOND = "019aa957-f176-7a3f-819c-0d4e71b28560", "019aa958-0f00-7a3f-819c-0d4e71b28560"
T1, T2 = uuid7_time(FIRST) or 0.0, uuid7_time(SECOND) or 0.0
STATES = "SELECT round_id, state, user_prompt FROM rounds ORDER BY round_number"


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    with Given(Agents, tmp_path) as one:
        yield one


def told(given: Given, *facts: Fact) -> None:
    """Each fact in a batch of its own, by a new object: memory that is not in columns would be lost."""
    for fact in facts:
        given.facts(fact)
        given.forget()


def prompt(text: str, key: str, time: float, **fields: Any) -> PromptSubmitted:
    return PromptSubmitted(sid="s", pid=1, prompt=text, round=key, time=time, **fields)


def text(key: str, time: float) -> BlockDelta:
    return BlockDelta(sid="s", pid=1, request_id=f"r{key}", index=0, kind="text", text="x", round=key, time=time)


def test_a_prompt_that_was_written_with_the_round_before_goes_to_its_own(given: Given) -> None:
    told(
        given,
        prompt("one", FIRST, T1),
        text(FIRST, T1 + 1),
        RoundEnded(sid="s", pid=1, outcome="complete", round=FIRST, time=T1 + 2),
        prompt("two", FIRST, T2),  # E4: the key of the round before
        text(SECOND, T2 + 1),
    )
    assert given.rows(STATES) == [(f"s/{FIRST}", "complete", "one"), (f"s/{SECOND}", "open", "two")]


def test_a_prompt_after_a_warm_up_does_not_make_the_warm_up_a_round(given: Given) -> None:
    told(given, text(FIRST, T1), prompt("one", FIRST, T2), text(SECOND, T2 + 1))
    assert given.rows(STATES) == [(f"s/{FIRST}", "warm_up", None), (f"s/{SECOND}", "open", "one")]


def test_a_prompt_stays_with_the_round_that_it_names_when_no_round_began_with_it(given: Given) -> None:
    told(given, text(FIRST, T1), prompt("one", FIRST, T1 + 5), text(SECOND, T2))
    assert given.rows(STATES)[0] == (f"s/{FIRST}", "open", "one")


def test_a_prompt_whose_round_began_with_it_opens_it_at_once(given: Given) -> None:
    told(given, prompt("one", FIRST, T1 + 0.01))
    assert given.rows(STATES) == [(f"s/{FIRST}", "open", "one")]


def test_pieces_that_name_their_round_stay_there_though_the_next_prompt_came_before_them(given: Given) -> None:
    told(given, prompt("one", "a", 1.0), prompt("two", "b", 5.0), text("a", 5.1))  # E5
    assert given.rows("SELECT round_id FROM messages") == [("s/a",)]
    assert given.rows(STATES) == [("s/a", "superseded", "one"), ("s/b", "open", "two")]


def test_a_prompt_that_is_recorded_twice_is_one_round(given: Given) -> None:
    again = PromptSubmitted(sid="s", prompt="one", prompt_id="p", time=1.0)  # E8
    told(given, again, again)
    assert given.rows("SELECT count(*) FROM rounds") == [(1,)]


def test_a_queued_prompt_opens_no_round(given: Given) -> None:
    told(given, prompt("one", "a", 1.0), PromptSubmitted(sid="s", pid=1, prompt="also", kind="queued", time=2.0))
    assert given.rows(STATES) == [("s/a", "open", "one")]


def test_a_new_prompt_supersedes_the_open_round_of_its_process_only(given: Given) -> None:
    other = PromptSubmitted(sid="s", pid=2, prompt="elsewhere", round="c", time=2.0)
    told(given, prompt("one", "a", 1.0), other, prompt("two", "b", 3.0))
    assert [row[1] for row in given.rows(STATES)] == ["superseded", "open", "open"]


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        (ProcessGone(sid="s", pid=1, time=4.0), SessionEnded(sid="s", pid=1, time=5.0)),
        (SessionEnded(sid="s", pid=1, time=4.0), RoundEnded(sid="s", pid=1, outcome="complete", round="a", time=3.0)),
        (
            RoundEnded(sid="s", pid=1, outcome="aborted", round="a", time=4.0),
            RoundEnded(sid="s", pid=1, outcome="complete", round="a", time=5.0),
        ),
    ],
)
def test_weaker_evidence_of_an_end_never_replaces_stronger(given: Given, weak: Fact, strong: Fact) -> None:
    told(given, prompt("one", "a", 1.0), strong)
    ended = given.rows("SELECT state, end_time, reason FROM rounds")
    told(given, weak)
    assert given.rows("SELECT state, end_time, reason FROM rounds") == ended


def test_an_explicit_end_replaces_what_was_only_concluded(given: Given) -> None:
    told(given, prompt("one", "a", 1.0), SessionEnded(sid="s", pid=1, reason="exit", time=5.0))
    assert given.rows("SELECT state, is_aborted FROM rounds") == [("aborted", 1)]
    told(given, RoundEnded(sid="s", pid=1, outcome="complete", round="a", time=4.0))
    assert given.rows("SELECT state, is_aborted, end_time FROM rounds") == [("complete", 0, 4.0)]


def test_a_round_whose_end_was_only_inferred_goes_on_with_the_next_tool(given: Given) -> None:
    told(given, prompt("one", "a", 1.0), RoundEnded(sid="s", outcome="complete", round="a", explicit=False, time=2.0))
    assert given.rows("SELECT state FROM rounds") == [("complete",)]
    told(
        given,
        BlockReceived(
            sid="s", round="a", message_id="m", key="k", block_type="tool_use", content="{}", tool_use_id="t"
        ),
    )
    assert given.rows("SELECT state, end_time FROM rounds") == [("open", None)]


def test_what_comes_after_an_end_is_folded_and_changes_no_state(given: Given) -> None:
    told(
        given,
        prompt("one", "a", 1.0),
        RoundEnded(sid="s", pid=1, outcome="complete", round="a", time=2.0),
        text("a", 3.0),
        ToolResultReceived(sid="s", pid=1, tool_use_id="t", content="ok", round="a", time=4.0),
    )
    assert given.rows("SELECT state, end_time, last_activity_time FROM rounds") == [("complete", 2.0, 4.0)]
    assert given.rows("SELECT content FROM content_blocks") == [("x",)]
    assert given.rows("SELECT content FROM tool_results") == [("ok",)]


def test_a_process_that_went_away_leaves_its_round_orphaned_and_no_other(given: Given) -> None:
    other = PromptSubmitted(sid="t", pid=2, prompt="two", round="b", time=1.0)
    told(
        given,
        prompt("one", "a", 1.0),
        other,
        ProcessSeen(sid="s", pid=1, process_started=0.5),
        ProcessGone(sid="s", pid=1),
    )
    assert [row[1] for row in given.rows(STATES)] == ["orphaned", "open"]
    assert given.rows("SELECT sid, is_active FROM sessions ORDER BY 1") == [("s", 0), ("t", 1)]


def test_a_session_that_is_resumed_by_another_process_is_one_session_with_two_runs(given: Given) -> None:
    told(
        given,
        SessionStarted(sid="s", pid=1, source="new", time=1.0),
        SessionEnded(sid="s", pid=1, reason="exit", time=2.0),
        SessionStarted(sid="s", pid=2, source="resume", time=3.0),
    )
    assert given.rows("SELECT pid, start_time, end_time, exit_reason FROM runs ORDER BY 2") == [
        (1, 1.0, 2.0, "exit"),
        (2, 3.0, None, None),
    ]
    assert given.rows("SELECT is_active, pid, end_time FROM sessions") == [(1, 2, None)]


def test_a_session_waits_until_the_tool_that_it_waits_for_has_its_result(given: Given) -> None:
    told(
        given,
        Waiting(sid="s", waiting=True, reason="permission", tool_use_id="t1", time=1.0),
        ToolResultReceived(sid="s", tool_use_id="t2", content="", time=2.0),
    )
    assert given.rows("SELECT waiting_reason FROM sessions") == [("permission",)]
    told(given, ToolResultReceived(sid="s", tool_use_id="t1", content="", time=3.0))
    assert given.rows("SELECT waiting_reason FROM sessions") == [(None,)]


@pytest.mark.parametrize(
    "sign",
    [
        Waiting(sid="s", waiting=False, time=2.0),
        PromptSubmitted(sid="s", prompt="on", time=2.0),
        RoundEnded(sid="s", outcome="aborted", time=2.0),
        SessionEnded(sid="s", time=2.0),
    ],
)
def test_a_session_waits_no_more_when_it_goes_on_or_ends(given: Given, sign: Fact) -> None:
    told(given, Waiting(sid="s", waiting=True, reason="question", time=1.0), sign)
    assert given.rows("SELECT waiting_reason, waiting_tool FROM sessions") == [(None, None)]


def test_a_message_belongs_to_the_round_that_goes_on_when_it_names_none(given: Given) -> None:
    told(
        given, PromptSubmitted(sid="s", prompt="one", prompt_id="p", time=1.0), MessageStarted(sid="s", message_id="m")
    )
    assert given.rows("SELECT round_id FROM messages") == [("s/p",)]
