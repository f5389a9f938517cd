"""What is found, by whose words, and that it is found once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    Fact,
    MessageEnded,
    MessageExchanged,
    PromptSubmitted,
    SessionEnded,
    ToolResultReceived,
    UtteranceCompleted,
)
from eventsrc.testing.given import Given
from projections.search import Search


def given(tmp_path: Path, *facts: Fact) -> Given:
    return Given(Search, tmp_path).facts(*facts)


def found(search: Given, words: str, question: str = "words", **filters: Any) -> list[tuple[str, str]]:
    return [(row["kind"], row["ref"]) for row in search.ask(question, words=words, **filters)]


def started(index: int = 0, kind: str = "text", **fields: Any) -> BlockStarted:
    return BlockStarted(sid="s", request_id="r", index=index, block_type=kind, time=1.0, **fields)


def piece(text: str, index: int = 0, kind: str = "text") -> BlockDelta:
    return BlockDelta(sid="s", request_id="r", index=index, kind=kind, text=text, time=2.0)


def test_everything_that_was_said_is_found_by_its_kind(tmp_path: Path) -> None:
    facts: list[Fact] = [
        PromptSubmitted(sid="s", prompt="mend the heron", prompt_id="p1", time=1.0),
        BlockReceived(sid="s", message_id="m", key="k1", block_type="text", content="the heron is mended", time=2.0),
        BlockReceived(sid="s", message_id="m", key="k2", block_type="thinking", content="which heron?", time=3.0),
        BlockReceived(
            sid="s", message_id="m", key="k3", block_type="tool_use", content='{"path":"heron.py"}',
            tool_use_id="t1", tool_name="Read", time=4.0,
        ),
        ToolResultReceived(sid="s", tool_use_id="t1", content="class Heron: ...", time=5.0),
        MessageExchanged(message_id="x", sender="ann", key="k4", text="a heron flew by", context_id="c", time=6.0),
        UtteranceCompleted(dialogue_id="conv_1", agent_id="agent_a", text="Herons wait; a heron does.", time=7.0),
    ]  # fmt: skip
    with given(tmp_path, *facts) as search:
        kinds = {"prompt", "answer", "thinking", "tool_input", "tool_result", "message", "experiment"}
        assert {kind for kind, _ in found(search, '"heron"')} == kinds
        assert found(search, '"heron"', kind="tool_input") == [("tool_input", "t1")]
        assert found(search, '"heron"', session="conv") == [("experiment", "conv_1")]
        assert found(search, '"heron"', since=6.0, kind="message") == [("message", "k4")]
        assert found(search, '"heron"', kind="title") == []


def test_the_same_block_from_two_producers_is_found_once(tmp_path: Path) -> None:
    streamed: list[Fact] = [
        started(), piece("the heron "), piece("is mended"), BlockCompleted(sid="s", request_id="r", index=0, time=3.0),
        started(1, "tool_use", tool_use_id="t1", tool_name="Read"), piece('{"path": "heron.py"}', 1, "json"),
        BlockCompleted(sid="s", request_id="r", index=1, time=4.0),
    ]  # fmt: skip
    told: list[Fact] = [
        BlockReceived(sid="s", message_id="m", key="a", block_type="text", content="the heron is mended", time=3.1),
        BlockReceived(sid="s", message_id="m", key="b", block_type="tool_use", content='{"path":"heron.py"}',
                      tool_use_id="t1", time=4.1),
    ]  # fmt: skip
    for order in ([*streamed, *told], [*told, *streamed]):
        with given(tmp_path, *order) as search:
            assert sorted(kind for kind, _ in found(search, '"heron"')) == ["answer", "tool_input"]


def test_a_block_that_streams_is_found_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    with given(tmp_path, started(), piece("the her")) as search:
        assert found(search, '"the"') == []
        search.forget()
        search.facts(piece("on waits"))
        assert search.rows("SELECT body FROM open_blocks") == [("the heron waits",)]
        search.facts(BlockCompleted(sid="s", request_id="r", index=0, time=9.0))
        assert found(search, '"heron"') == [("answer", "r")]
        assert search.rows("SELECT count(*) FROM open_blocks") == [(0,)]


@pytest.mark.parametrize(
    "end",
    [MessageEnded(sid="s", request_id="r", stopped=True, time=9.0), SessionEnded(sid="s", time=9.0)],
    ids=["message", "session"],
)
def test_a_block_that_nobody_completed_is_found_when_its_message_or_session_ends(tmp_path: Path, end: Fact) -> None:
    with given(tmp_path, started(), piece("half a heron"), end) as search:
        assert found(search, '"heron"') == [("answer", "r")]


def test_what_was_said_again_counts_as_said_then(tmp_path: Path) -> None:
    again: list[Fact] = [
        PromptSubmitted(sid="s", prompt="go on", prompt_id=f"p{time}", time=float(time)) for time in (1, 50, 20)
    ]
    with given(tmp_path, *again) as search:
        assert search.rows("SELECT ref, time FROM documents") == [("p50", 50.0)]
        assert found(search, '"go"', since=40.0) == [("prompt", "p50")]


def test_parts_of_words_are_found_in_code_and_in_scripts_without_blanks(tmp_path: Path) -> None:
    facts: list[Fact] = [
        BlockReceived(sid="s", key="a", block_type="tool_use", content="def get_user_name(): pass", tool_use_id="t1"),
        PromptSubmitted(sid="s", prompt="東京駅で待ち合わせ", prompt_id="p1"),
        PromptSubmitted(sid="s", prompt="plain words", prompt_id="p2"),
    ]
    with given(tmp_path, *facts) as search:
        assert found(search, '"et_user_na"', "code") == [("tool_input", "t1")]
        assert found(search, '"京駅で"', "code") == [("prompt", "p1")]
        assert found(search, "駅で", "scan") == [("prompt", "p1")]
        assert found(search, '"ain wor"', "code") == []


def test_accents_and_case_do_not_matter_and_the_title_counts_more(tmp_path: Path) -> None:
    facts: list[Fact] = [
        BlockReceived(sid="s", key="a", block_type="tool_use", content="{}", tool_use_id="t1", tool_name="Café"),
        PromptSubmitted(sid="s", prompt="a CAFE by the lake, and so many other words around it", prompt_id="p1"),
    ]
    with given(tmp_path, *facts) as search:
        assert found(search, '"cafe"') == [("tool_input", "t1"), ("prompt", "p1")]


def test_a_snippet_marks_what_matched(tmp_path: Path) -> None:
    with given(tmp_path, PromptSubmitted(sid="s", prompt="one heron two", prompt_id="p")) as search:
        (row,) = search.ask("words", words='"heron"')
        assert row["snippet"] == "one \x02heron\x03 two"


def test_pages_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    facts: list[Fact] = [
        PromptSubmitted(sid=f"s{n}", prompt="the heron", prompt_id=f"p{n}", time=float(n)) for n in range(25)
    ]
    with given(tmp_path, *facts) as search:
        pages = [found(search, '"heron"', limit=10, offset=offset) for offset in (0, 10, 20)]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert len({ref for page in pages for _, ref in page}) == 25


def test_texts_without_words_are_no_documents(tmp_path: Path) -> None:
    with given(tmp_path, PromptSubmitted(sid="s", prompt=" \n ", prompt_id="p")) as search:
        assert search.rows("SELECT count(*) FROM documents") == [(0,)]


def _said(number: int, text: str) -> PromptSubmitted:
    return PromptSubmitted(sid="s", prompt=f"{text} n{number}", prompt_id=f"p{number}", time=float(number))


def test_the_best_come_first_while_fewer_than_a_thousand_hold_the_words(tmp_path: Path) -> None:
    prompts = [_said(0, "heron heron heron"), *(_said(number, "a heron among others") for number in range(1, 999))]
    with given(tmp_path, *prompts) as search:
        assert found(search, '"heron"', limit=1) == [("prompt", "p0")]
        assert len(found(search, '"heron"', limit=2_000)) == 999


def test_what_a_thousand_hold_is_shown_newest_first_and_paged(tmp_path: Path) -> None:
    prompts = [_said(0, "heron heron heron"), *(_said(number, "a heron among others") for number in range(1, 1_200))]
    with given(tmp_path, *prompts) as search:
        assert found(search, '"heron"', limit=2) == [("prompt", "p1199"), ("prompt", "p1198")]
        assert found(search, '"heron"', limit=2, offset=1_198) == [("prompt", "p1"), ("prompt", "p0")]
