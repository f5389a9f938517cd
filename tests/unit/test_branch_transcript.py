"""A session up to a position, in the form in which Claude Code can go on with it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from eventsrc.branch import Transcript, resumable
from eventsrc.event import Event
from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.testing.generate import generate_transcript
from tests.conformance.formats import event_of, record_of

NEW = "00000000-0000-4000-8000-000000000001"
FORMAT = ClaudeCode()


def line(kind: str, uuid: str, parent: str | None, content: Any = None, **more: Any) -> bytes:
    record: dict[str, Any] = {"parentUuid": parent, "isSidechain": False, "cwd": "/home/dev/app", "sessionId": "old"}
    record |= {"type": kind, "uuid": uuid, "timestamp": "2026-01-10T10:00:00.000Z"}
    if content is not None:
        record["message"] = {"role": kind, "content": content}
    return json.dumps({**record, **more}).encode()


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def call(id_: str) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": id_, "name": "Bash", "input": {"command": "ls"}}]


def result(id_: str) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": id_, "content": "README.md"}]


PROMPT, ASKS = line("user", "u1", None, "hi"), line("assistant", "a1", "u1", call("t1"))
ANSWERS = line("user", "u2", "a1", result("t1"))


def events(lines: Iterable[bytes]) -> list[Event]:
    found = []
    for number, data in enumerate(lines, 1):
        record = record_of(data, id_=f"f:1:{number}")
        envelope = FORMAT.recognise(record)
        assert envelope is not None
        found.append(event_of(record, envelope, position=number))
    return found


def made(*lines: bytes) -> Transcript:
    found = resumable(events(lines), NEW)
    assert found is not None
    return found


def uuids(found: Transcript) -> list[str]:
    return [json.loads(one)["uuid"] for one in found.lines]


def test_it_is_the_same_records_of_another_session() -> None:
    number = b'{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"old","message":{"content":"caf\\u00e9 "},'
    number += b'"timestamp":"2026-01-10T10:00:00.000Z","n":123456789012345678901234567890.0e1}'
    found = made(number)
    assert found.lines == (number.replace(b'"old"', f'"{NEW}"'.encode()),)


def test_records_without_a_uuid_and_those_of_sub_agents_stay_behind() -> None:
    mark = b'{"type":"summary","summary":"s","leafUuid":"u1"}'
    agent = line("assistant", "s1", None, said("hidden"), isSidechain=True, agentId="a1")
    assert uuids(made(mark, PROMPT, agent, line("assistant", "a1", "u1", said("hello")))) == ["u1", "a1"]


def test_a_record_of_a_copied_file_is_there_once() -> None:
    assert uuids(made(PROMPT, ASKS, ANSWERS, PROMPT, ASKS, ANSWERS)) == ["u1", "a1", "u2"]


def test_a_call_that_nobody_answered_yet_is_cut_off_with_what_follows() -> None:
    note = line("system", "y1", "a1", subtype="informational")
    found = made(PROMPT, ASKS, note)
    assert (uuids(found), found.cut) == (["u1"], 2)


def test_of_two_calls_at_once_both_must_be_answered() -> None:
    second = line("assistant", "a2", "a1", call("t2"))
    assert uuids(made(PROMPT, ASKS, second, ANSWERS)) == ["u1"]
    assert len(made(PROMPT, ASKS, second, ANSWERS, line("user", "u3", "a2", result("t2"))).lines) == 5


def test_a_call_over_which_the_session_went_on_stays() -> None:
    later = line("user", "u3", "a1", "never mind")
    assert uuids(made(PROMPT, ASKS, later)) == ["u1", "a1", "u3"]


def test_what_is_injected_is_no_prompt_that_goes_on_over_a_call() -> None:
    injected = line("user", "u3", "a1", "a reminder", isMeta=True)
    assert uuids(made(PROMPT, ASKS, injected)) == ["u1"]


def test_a_thought_is_no_end() -> None:
    thought = line("assistant", "a1", "u1", [{"type": "thinking", "thinking": "hm", "signature": "s"}])
    assert uuids(made(PROMPT, thought)) == ["u1"]
    assert uuids(made(PROMPT, thought, line("assistant", "a2", "a1", said("hello")))) == ["u1", "a1", "a2"]


def test_records_whose_predecessor_is_not_in_the_log_are_counted() -> None:
    assert made(PROMPT).missing == 0
    assert made(line("user", "u7", "u6", "hi")).missing == 1
    boundary = line("system", "c1", None, subtype="compact_boundary", logicalParentUuid="u1")
    assert made(PROMPT, boundary, line("user", "u2", "c1", "go on")).missing == 0


def test_it_says_in_which_folder_the_session_worked_last() -> None:
    assert made(PROMPT, line("assistant", "a1", "u1", said("x"), cwd="/home/dev/other")).cwd == "/home/dev/other"


def test_nothing_that_can_be_resumed_is_no_transcript() -> None:
    assert resumable([], NEW) is None
    assert resumable(events([b'{"type":"summary","summary":"s","leafUuid":"u1"}']), NEW) is None
    assert resumable(events([line("assistant", "a1", None, call("t1"))]), NEW) is None


def check_is_a_history(found: Transcript) -> None:
    """What the API asks of one: every call answered, no thought at the end."""
    open_calls: set[str] = set()
    kinds: set[str] = set()
    for one in map(json.loads, found.lines):
        content = (one.get("message") or {}).get("content")
        blocks = content if isinstance(content, list) else []
        if one["type"] == "user" and not one.get("isMeta") and not any(b["type"] == "tool_result" for b in blocks):
            open_calls.clear()
        open_calls |= {block["id"] for block in blocks if block["type"] == "tool_use"}
        open_calls -= {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if one["type"] in ("user", "assistant"):
            kinds = {block["type"] for block in blocks} or {"text"}
        assert one["sessionId"] == NEW
    assert not open_calls and not kinds <= {"thinking", "redacted_thinking"}


@pytest.mark.parametrize("seed", range(3))
def test_every_beginning_of_a_session_is_a_history(seed: int) -> None:
    whole = events(generate_transcript(90, seed))
    for length in range(1, len(whole) + 1):
        found = resumable(whole[:length], NEW)
        assert found is not None
        assert len(found.lines) + found.cut == length and found.missing == 0
        check_is_a_history(found)


def test_real_sessions_are_histories(shared_data: Path) -> None:
    seen = 0
    for path in sorted((shared_data / "claude_code" / "projects").glob("*/*.jsonl")):
        found_events = []
        for number, data in enumerate(path.read_bytes().split(b"\n"), 1):
            record = record_of(data, source=path.as_uri(), id_=f"f:1:{number}")
            envelope = FORMAT.recognise(record) if data else None
            if envelope is not None:
                found_events.append(event_of(record, envelope, position=number))
        found = resumable(found_events, NEW)
        if found is not None:
            check_is_a_history(found)
            seen += 1
    assert seen > 20
