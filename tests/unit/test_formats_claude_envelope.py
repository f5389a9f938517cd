"""Whose record is it, of which session, and when: what is decided at ingest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.event import Record
from eventsrc.formats import claude_envelope
from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.formats.claude_place import place_of
from eventsrc.limits import ID_CHARS
from eventsrc.plugin import Envelope, SessionObserved
from tests.conformance.formats import event_of, lines_of

SESSION = "7d1c0000-0000-4000-8000-000000000001"
FOLDER = "file:///home/dev/.claude/projects/-home-dev-app"
LINE = {"type": "user", "uuid": "u1", "sessionId": SESSION, "timestamp": "2026-01-10T10:00:00.000Z", "message": {}}


def recognised(value: Any, source: str = f"{FOLDER}/{SESSION}.jsonl") -> Envelope | None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ClaudeCode().recognise(Record(source, data, "f:1:0"))


def test_a_record_belongs_to_the_session_it_names_whatever_the_file_is_called() -> None:
    envelope = recognised(LINE, source=f"{FOLDER}/copy-of-it.jsonl")
    assert envelope == Envelope("claude_code.user", f"session/{SESSION}", "2026-01-10T10:00:00.000Z")


@pytest.mark.parametrize(
    "record", [{"type": "summary", "summary": "x", "leafUuid": "a1"}, {"type": "file-history-snapshot", "snapshot": {}}]
)
def test_records_without_a_session_belong_to_that_of_their_file(record: dict[str, Any]) -> None:
    envelope = recognised(record)
    assert envelope is not None and envelope.subject == f"session/{SESSION}"


def test_records_without_a_session_in_other_files_belong_to_the_source() -> None:
    envelope = recognised({"type": "summary", "summary": "x", "leafUuid": "a1"}, source="file:///home/dev/notes.jsonl")
    assert envelope is not None and envelope.subject == "source//home/dev/notes.jsonl"


def test_files_of_a_sub_agent_belong_to_the_session_of_their_folder() -> None:
    source = f"{FOLDER}/{SESSION}/subagents/workflows/wf_1/journal.jsonl"
    envelope = recognised({"type": "started", "key": "v2:1", "agentId": "a1"}, source=source)
    assert envelope is not None
    assert (envelope.type, envelope.subject) == ("claude_code.journal", f"session/{SESSION}")


def test_a_description_of_a_sub_agent_links_it_to_the_call_that_started_it() -> None:
    source = f"{FOLDER}/{SESSION}/subagents/agent-a1.meta.json"
    record = Record(source, b'{\n  "agentType": "Explore",\n  "toolUseId": "toolu_1"\n}\n', "f:1:0")
    envelope = ClaudeCode().recognise(record)
    assert envelope is not None and envelope.type == "claude_code.agent_meta"
    (fact,) = ClaudeCode().read(event_of(record, envelope))
    assert isinstance(fact, SessionObserved)
    assert fact.sid == SESSION
    assert fact.metadata == {"agent.a1.type": "Explore", "agent.a1.tool_use_id": "toolu_1"}


@pytest.mark.parametrize(
    "record",
    [
        {"event": "claude.message_start", "t": "2026-01-10T10:00:00.000", "line": "data: {}", "sid": SESSION},
        {"timestamp": "2026-01-10T10:00:00.000Z", "type": "event_msg", "payload": {"type": "user_message"}},
        {"timestamp": "2026-01-10T10:00:00.000Z", "type": "session_meta", "payload": {"session_id": SESSION}},
        {"session_id": SESSION, "hook_event_name": "Stop", "transcript_path": "/x.jsonl", "cwd": "/home/dev"},
        {"event_type": "sent", "agent": "claude_code", "timestamp": "2026-01-10T10:00:00", "message": {"text": "hi"}},
        {"loglines": [LINE]},
        {"type": "assistant"},
        {"type": "result", "subtype": "success", "session_id": SESSION},
        [LINE],
        "user",
        7,
    ],
)
def test_records_of_others_are_left_to_them(record: Any) -> None:
    assert recognised(record) is None


def test_lines_of_pretty_printed_json_are_not_ours() -> None:
    for line in json.dumps(LINE, indent=2).encode().split(b"\n"):
        assert recognised(line) is None


def test_other_formats_records_are_not_claimed() -> None:
    assert [line for line in lines_of("sse_lines") if recognised(line) is not None] == []


def test_real_records_of_other_producers_are_not_claimed(shared_data: Path) -> None:
    paths = [*(shared_data / "codex").rglob("*.jsonl"), *(shared_data / "pidgin").rglob("*.jsonl")]
    assert paths
    for path in paths:
        for line in path.read_bytes().split(b"\n")[:200]:
            assert recognised(line, source=f"file://{path}") is None, line[:200]


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-01-10T10:00:00.123456Z", "2026-01-10T10:00:00.123456Z"),
        ("2026-01-10T10:00:00+02:00", "2026-01-10T10:00:00+02:00"),
        (1768039200123, "2026-01-10T10:00:00.123000Z"),
        (1768039200, "2026-01-10T10:00:00.000000Z"),
        ("2026-01-10T10:00:00", None),
        ("2026-13-40T10:00:00Z", None),
        ("20260110T100000Z", None),
        ("[trimmed]", None),
        (True, None),
        (-1, None),
        (None, None),
        ({}, None),
    ],
)
def test_a_time_is_a_time_with_a_zone_or_none(written: Any, time: str | None) -> None:
    envelope = recognised(LINE | {"timestamp": written})
    assert envelope is not None and envelope.time == time


_ABSENT = object()
_CHANGES = [
    *(("type", value) for value in ("assistant", "system", "summary", _ABSENT, 7)),
    *(("subtype", value) for value in (None, "", "turn_duration")),
    *(("sessionId", value) for value in ("s2", "", _ABSENT, 7)),
    ("uuid", _ABSENT),
    ("message", _ABSENT),
    ("payload", {}),
    *(
        ("timestamp", f"2026-01-10{between}10:00:{second}.{rest}")
        for between in "T "
        for second in ("00", "59", "60", "5")
        for rest in ("000Z", "999Z", "0000Z", "00xZ", "000", "000+02:00")
    ),
]


@given(st.lists(st.lists(st.sampled_from(_CHANGES), max_size=2), min_size=1, max_size=20))
def test_what_was_recognised_before_changes_no_answer(changes: list[list[tuple[str, Any]]]) -> None:
    values = [LINE | dict(change) for change in changes]
    values = [{name: value for name, value in record.items() if value is not _ABSENT} for record in values]
    alone = []
    for value in values:
        claude_envelope._talk.clear()
        claude_envelope._minutes.clear()
        alone.append(recognised(value))
    assert [recognised(value) for value in values] == alone
    many = [Record(f"{FOLDER}/{SESSION}.jsonl", json.dumps(value).encode(), "f:1:0") for value in values]
    assert ClaudeCode().recognise_lines(many, b"\n".join(record.data for record in many)) == alone


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"type": "system", "subtype": "turn_duration"}, "system.turn_duration"),
        ({"type": "progress", "data": {"type": "agent_progress"}}, "progress.agent_progress"),
        ({"type": "progress", "data": "text"}, "progress"),
        ({"type": "attachment", "attachment": {"type": "queued_command"}}, "attachment.queued_command"),
        ({"type": "a thing with blanks"}, "unknown"),
        ({"type": "system", "subtype": "\u001b[2J"}, "system"),
    ],
)
def test_the_type_names_the_kind_of_record(record: dict[str, Any], kind: str) -> None:
    envelope = recognised({"sessionId": SESSION} | record)
    assert envelope is not None and envelope.type == f"claude_code.{kind}"


def test_no_subject_is_too_long_to_stand_in_the_log() -> None:
    for record in (LINE | {"sessionId": "x" * 5_000}, {"type": "summary", "leafUuid": "a1"}):
        envelope = recognised(record, source=f"file:///{'y' * 5_000}.jsonl")
        assert envelope is not None and len(envelope.subject) <= ID_CHARS
    assert all(session and len(session) <= ID_CHARS for _, session in claude_envelope._talk)


def test_the_older_layout_of_sub_agents_tells_no_session() -> None:
    place = place_of(f"{FOLDER}/agent-a1.jsonl")
    assert (place.session, place.agent_id) == ("", "a1")


def test_names_with_escaped_characters_are_read_as_they_are() -> None:
    assert place_of("file:///home/dev/a%20b/agent-a%2D1.jsonl").agent_id == "a-1"
