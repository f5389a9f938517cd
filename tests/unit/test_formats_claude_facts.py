"""What records of Claude Code mean, where one record alone does not show the rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventsrc.event import Lines, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.log import codec
from eventsrc.plugin import (
    Activity,
    BlockReceived,
    Fact,
    MessageStarted,
    PromptSubmitted,
    Reading,
    RoundEnded,
    SessionObserved,
    ToolResultReceived,
    Unknown,
    UsageReported,
    Waiting,
)
from tests.conformance.formats import event_of, line_of

SESSION = "7d1c0000-0000-4000-8000-000000000001"
SOURCE = f"file:///home/dev/.claude/projects/-home-dev-app/{SESSION}.jsonl"
AGENT_FILE = f"file:///home/dev/.claude/projects/-home-dev-app/{SESSION}/subagents/agent-a1.jsonl"


def line(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": "x1", "sessionId": SESSION, "timestamp": "2026-01-10T10:00:00.000Z"} | fields


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return line("user", message={"role": "user", "content": content}, **fields)


def answer(*blocks: Any, stop: str | None = None, usage: Any = None, **fields: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(blocks),
    }
    message |= {"stop_reason": stop, "usage": usage}
    return line("assistant", message=message, requestId="req_1", **fields)


def read(value: Any, source: str = SOURCE) -> list[Fact]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    record = Record(source, data, "f:1:0")
    envelope = ClaudeCode().recognise(record)
    assert envelope is not None
    facts = list(ClaudeCode().read(event_of(record, envelope)))
    (together,) = Formats([ClaudeCode()]).read_events(Lines([line_of(record, envelope)], codec.events_in))
    assert isinstance(together, Reading) and together.facts == facts
    return facts


def of(kind: type[Fact], facts: list[Fact]) -> list[Any]:
    return [fact for fact in facts if type(fact) is kind]


TEXT = {"type": "text", "text": "Done."}


def test_forked_and_resumed_copies_give_facts_of_the_same_ids() -> None:
    original = answer(TEXT, usage={"input_tokens": 1})
    copy = original | {"sessionId": "7d1c0000-0000-4000-8000-000000000002", "sessionKind": "bg"}
    ids = [(fact.key, fact.message_id) for fact in of(BlockReceived, read(original) + read(copy))]
    assert len(set(ids)) == 1
    assert len({fact.usage_id for fact in of(UsageReported, read(original) + read(copy))}) == 1


def test_a_record_without_uuid_has_an_identity_of_its_place() -> None:
    (block,) = of(BlockReceived, read(answer(TEXT) | {"uuid": None}))
    assert block.key == f"{SOURCE}#f:1:0/0#0"


def test_a_side_chain_never_ends_a_round_nor_opens_one() -> None:
    final = answer(TEXT, stop="end_turn")
    assert of(RoundEnded, read(final))
    for facts in (read(final | {"isSidechain": True}), read(final, AGENT_FILE), read(user("look"), AGENT_FILE)):
        assert not of(RoundEnded, facts) and not of(PromptSubmitted, facts)
        assert all(fact.is_sidechain and fact.agent_id in (None, "a1") for fact in of(MessageStarted, facts))


def test_a_side_chain_does_not_move_the_session_to_its_worktree() -> None:
    (seen,) = of(SessionObserved, read(user("look", cwd="/elsewhere", gitBranch="other", isSidechain=True)))
    assert (seen.sid, seen.cwd, seen.git_branch, seen.model) == (SESSION, None, None, None)


def test_a_sub_agent_with_a_session_id_of_its_own_names_its_parent() -> None:
    (seen,) = of(SessionObserved, read(user("look", sessionId="agent-a1"), AGENT_FILE))
    assert (seen.sid, seen.parent_sid) == ("agent-a1", SESSION)


def test_what_a_tool_says_of_its_own_agents_tokens_is_not_counted() -> None:
    twin = {"agentId": "ab", "totalTokens": 33_854, "usage": {"input_tokens": 5, "output_tokens": 9}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    facts = read(user([result], toolUseResult=twin))
    assert not of(UsageReported, facts)
    assert of(SessionObserved, facts)[-1].metadata == {"agent.ab.tool_use_id": "toolu_1"}


@pytest.mark.parametrize(
    ("twin", "said", "is_error"),
    [
        ("Error: no such file", None, True),
        ("Error: no such file", False, False),
        ("all is well, says a server of tools", None, None),
        ({"stdout": ""}, None, None),
        ({"stdout": ""}, True, True),
        (None, None, None),
    ],
)
def test_a_result_is_an_error_when_the_model_was_told_so(twin: Any, said: bool | None, is_error: bool | None) -> None:
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x", "is_error": said}
    (result,) = of(ToolResultReceived, read(user([block], toolUseResult=twin)))
    assert result.is_error is is_error


def test_two_results_in_one_record_share_no_twin() -> None:
    blocks = [{"type": "tool_result", "tool_use_id": name, "content": "x"} for name in ("toolu_1", "toolu_2")]
    results = of(ToolResultReceived, read(user(blocks, toolUseResult={"durationMs": 5})))
    assert [(one.tool_use_id, one.result_id, one.duration_ms) for one in results] == [
        ("toolu_1", "x1#0", None),
        ("toolu_2", "x1#1", None),
    ]


def test_the_input_of_a_tool_is_kept_as_it_was_written() -> None:
    data = json.dumps(answer({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": "INPUT"})).encode()
    written = '{"n": 1.50, "big":12345678901234567890, "t":"\\u00e9"}'
    (block,) = of(BlockReceived, read(data.replace(b'"INPUT"', written.encode())))
    assert block.content == written


def test_pictures_are_measured_and_not_copied() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 5_000}
    facts = read(user([{"type": "text", "text": "what is it?"}, {"type": "image", "source": source}]))
    (prompt,), (block,) = of(PromptSubmitted, facts), of(BlockReceived, facts)
    assert prompt.prompt == "what is it?"
    assert (block.block_type, block.content) == ("image", "[image image/png, 5000 characters of base64]")


def test_a_summary_names_the_record_whose_session_it_is_about_and_makes_no_session() -> None:
    (seen,) = read({"type": "summary", "summary": "Notes", "leafUuid": "a8"})
    assert (seen.sid, seen.title, seen.title_rank, seen.title_of) == ("", "Notes", 1, "a8")  # type: ignore[union-attr]


def test_a_file_of_snapshots_only_makes_no_session() -> None:
    (fact,) = read({"type": "file-history-snapshot", "messageId": "m", "snapshot": {}})
    assert type(fact) is Activity and fact.sid == ""


def test_glued_records_are_all_read_each_as_its_own_type() -> None:
    glued = b" ".join(json.dumps(one).encode() for one in (user("one"), line("system", subtype="turn_duration")))
    facts = read(glued + json.dumps(line("hologram")).encode())
    assert len(of(PromptSubmitted, facts)) == len(of(RoundEnded, facts)) == len(of(Unknown, facts)) == 1


def test_a_record_that_is_cut_after_a_whole_one_is_shown() -> None:
    facts = read(json.dumps(user("one")).encode() + b'{"type":"user","mess')
    assert [fact.what for fact in of(Unknown, facts)] == ["the rest of a damaged line"]


def test_a_field_that_does_not_fit_costs_only_itself() -> None:
    facts = read(answer(TEXT, usage={"input_tokens": "nine", "output_tokens": 3}, cwd=7, version="2.1.0"))
    (usage,), (seen,) = of(UsageReported, facts), of(SessionObserved, facts)
    assert (usage.input_tokens, usage.output_tokens) == (0, 3)
    assert (seen.cwd, seen.version) == (None, "2.1.0")


def test_tokens_of_messages_that_no_model_wrote_are_none() -> None:
    nothing = dict.fromkeys(("input_tokens", "output_tokens"), 0)
    record = answer(TEXT, usage=nothing, isApiErrorMessage=True, error="rate_limit")
    record["message"]["model"] = "<synthetic>"
    facts = read(record)
    assert of(SessionObserved, facts)[0].model is None
    assert [(one.outcome, one.reason, one.explicit) for one in of(RoundEnded, facts)] == [
        ("failed", "rate_limit", False)
    ]


def test_cache_writes_are_added_up_where_only_their_parts_are_given() -> None:
    parts = {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 5}
    (usage,) = of(UsageReported, read(answer(TEXT, usage={"cache_creation": parts})))
    assert usage.cache_creation_input_tokens == 12


def test_a_queued_prompt_opens_no_round_and_a_notice_in_the_queue_is_none() -> None:
    queued = {"type": "queue-operation", "operation": "enqueue", "sessionId": SESSION}
    (prompt,) = of(PromptSubmitted, read(queued | {"content": "and the docs"}))
    assert prompt.kind == "queued"
    assert not of(PromptSubmitted, read(queued | {"content": "<task-notification>\n</task-notification>"}))
    assert not of(PromptSubmitted, read(queued | {"operation": "remove", "content": "and the docs"}))


def test_every_real_record_is_read(shared_data: Any) -> None:
    refused = []
    for path in sorted((shared_data / "claude_code").rglob("*.jsonl")):
        for number, data in enumerate(path.read_bytes().split(b"\n")):
            record = Record(f"file://{path}", data, str(number))
            envelope = ClaudeCode().recognise(record) if data.strip() else None
            if envelope is not None:
                assert ClaudeCode().read(event_of(record, envelope))
            elif data.strip():
                refused.append(data)
    assert len(refused) == 5  # a string, a number, a list, an object of something else, and a torn line


@pytest.mark.parametrize(("tool", "reason"), [("AskUserQuestion", "question"), ("ExitPlanMode", "plan")])
def test_a_call_that_a_person_answers_waits_for_them(tool: str, reason: str) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}}
    (waits,) = of(Waiting, read(answer(call)))
    assert (waits.waiting, waits.reason, waits.tool_use_id) == (True, reason, "toolu_1")
    assert of(Waiting, read(answer(call, isSidechain=True))) == []
