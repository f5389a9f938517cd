"""What was said up to a checkpoint, as turns and as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.branch import Begun, Conversation, Tool, Turn, of_messages, of_session, of_thread, to_markdown
from eventsrc.event import Event
from eventsrc.formats.catalogue import Formats, join
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.query import ReadModels
from eventsrc.testing.generate import generate_transcript
from projections.agents import Agents
from tests.conformance.formats import event_of, record_of
from tests.conformance.projections import ListLog, site
from tests.conversation_kit import asked, flat_message

BEGUN = Begun("b0b0b0b0", "second try", 120, "c0c0c0c0", "before the crash")


def ask_of(models: ReadModels) -> Any:
    def ask(model: str, question: str, parameters: Mapping[str, Any], /) -> Sequence[Mapping[str, Any]]:
        return models.ask(model, question, dict(parameters)).objects()

    return ask


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(generate_transcript(60, 3))


@pytest.fixture(scope="module")
def session(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    formats, events = Formats.load(), list[Event]()
    for position, line in enumerate(lines, 1):
        record = record_of(line, id_=f"f:1:{position}")
        events.append(event_of(record, formats.recognise(record), position=position))
    here = site(tmp_path_factory.mktemp("data") / "read", ListLog(events), formats, join)
    rebuild([Agents], here)
    models = ReadModels(here.read_dir, {Agents.name: Agents.questions}, current)
    found = of_session(ask_of(models), json.loads(lines[0])["sessionId"])
    assert found is not None
    return found


def blocks(lines: list[bytes], kind: str) -> list[dict[str, Any]]:
    contents = [json.loads(line).get("message", {}).get("content") for line in lines]
    return [block for content in contents if isinstance(content, list) for block in content if block["type"] == kind]


def test_a_session_is_everything_that_was_said_in_order(lines: list[bytes], session: Conversation) -> None:
    contents = [json.loads(line).get("message", {}).get("content") for line in lines]
    prompts = [content for content in contents if isinstance(content, str)]
    assert [turn.text for turn in session.turns if turn.kind == "prompt"] == prompts
    assert [turn.text for turn in session.turns if turn.kind == "answer"] == [b["text"] for b in blocks(lines, "text")]
    thoughts = [block["thinking"] for block in blocks(lines, "thinking")]
    assert [turn.text for turn in session.turns if turn.kind == "thinking"] == thoughts
    assert (session.agent, session.cwd) == ("claude_code", "/home/dev/app")
    assert session.said == len(prompts) + len(blocks(lines, "text"))


def test_every_call_stands_with_its_result(lines: list[bytes], session: Conversation) -> None:
    results = {block["tool_use_id"]: block for block in blocks(lines, "tool_result")}
    tools = [turn.tool for turn in session.turns if turn.tool is not None]
    assert [tool.id for tool in tools] == [block["id"] for block in blocks(lines, "tool_use")]
    for tool in tools:
        found = results.get(tool.id)
        assert tool.result == (found and found["content"])
        assert tool.is_error == bool(found and found["is_error"])


def test_a_result_that_is_too_large_for_the_rows_is_fetched_whole() -> None:
    row = {"is_sidechain": 0, "block_type": "tool_use", "message_start": 1.0, "content": "{}", "result": "beg"}
    row |= {"result_size": 9, "tool_use_id": "t1", "tool_name": "Bash", "is_error": 0}
    answers: dict[str, list[dict[str, Any]]] = {
        "session": [{"sid": "s", "agent": "codex", "title": None, "cwd": None, "git_branch": None}],
        "rounds": [{"user_prompt": None, "start_time": None, "round_id": "s#1"}],
        "round": [row],
    }
    found = of_session(lambda _model, question, _given: answers[question], "s", lambda call: f"beginning of {call}")
    assert found is not None and found.turns[0].tool == Tool("t1", "Bash", "{}", "beginning of t1")


def test_a_session_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert of_session(lambda _model, _question, _given: [], "s") is None
    assert of_session(lambda _model, _question, _given: [{"sid": "s2"}], "s") is None


def test_messages_are_in_order_with_sender_recipient_and_type(tmp_path: Path) -> None:
    sent = [msgspec.json.encode(flat_message(number, recipient_id="worker")) for number in range(9)]
    ask = ask_of(asked(tmp_path, sent))
    found = of_messages(ask)
    assert found is not None and [turn.text for turn in found.turns] == [
        flat_message(number)["content"]["message"] for number in range(9)
    ]
    assert {turn.sender for turn in found.turns} == {"planner"}
    thread = of_thread(ask, "ctx-1")
    assert thread is not None and [turn.text for turn in thread.turns] == [
        turn.text for at, turn in enumerate(found.turns) if at % 3 == 1
    ]
    assert of_thread(ask, "ctx-9") is None


def page(*turns: Turn) -> str:
    return to_markdown(Conversation("session", "s1", "a title", turns, "codex", "/home/dev/app"), BEGUN)


def test_the_page_says_what_it_is_a_branch_of() -> None:
    text = page(Turn("user", "prompt", "hello", time=1_768_039_200.0))
    assert text.startswith("# second try\n")
    assert "up to checkpoint c0c0c0c0 (before the crash), position 120 of the log" in text
    assert "## user\n*2026-01-10 10:00:00 UTC*\n\nhello" in text


def test_text_cannot_pretend_to_be_another_turn() -> None:
    text = page(Turn("a\n## b", "answer", "# one\n```\n# in code\nopen"), Turn("user", "prompt", "next"))
    assert "\\# one\n```\n# in code\nopen\n```\n" in text
    assert re.findall(r"^## .*$", text, re.MULTILINE) == ["## a ## b", "## user"]


def test_a_tool_s_fence_is_longer_than_any_in_its_text() -> None:
    tool = Tool("t1", "Bash", "cat x", "````\n# x\n````", is_error=True)
    assert "### tool Bash\n\n```\ncat x\n```\n\nError:\n\n`````\n````\n# x\n````\n`````\n" in page(
        Turn("codex", "tool", tool=tool)
    )


def test_long_results_are_cut_and_say_so_and_thoughts_stay_out() -> None:
    text = page(
        Turn("codex", "thinking", "secret thought"),
        Turn("codex", "tool", tool=Tool("t1", "Bash", "x", "y" * 5_000)),
        Turn("codex", "tool", tool=Tool("t2", "Bash", "x")),
    )
    assert "secret thought" not in text
    assert "y" * 4_000 + "\n… 1000 characters more\n" in text
    assert "No result up to here." in text


def test_messages_between_agents_name_both_and_their_type() -> None:
    assert "## planner → worker (request)\n" in page(Turn("planner", "request", "do it", "worker"))
