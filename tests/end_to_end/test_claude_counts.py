"""Real transcripts, read and folded by a small reference fold, give the numbers that others computed from them.

The fold here is the contract of the facts in its shortest form: what a read model may rely on, without its tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.event import Record
from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.plugin import (
    AgentFactBase,
    BlockReceived,
    ContextCompacted,
    Fact,
    MessageStarted,
    PromptSubmitted,
    RoundEnded,
    ToolResultReceived,
    UsageReported,
    format_time,
)
from tests.conformance.formats import event_of

FORMAT = ClaudeCode()
FOLDERS = [
    "projects", "async-agents", "away-summary", "copied-session", "cron-tools", "dag-cycle",
    "dag-fork-three-sessions-in-one-file", "dag-fork-within-session", "dag-simple", "duplicate-assistant-response",
    "edge-cases", "goal-status", "hook-attachments", "inline-sidechain-1.0.35", "legacy-no-type-alpha", "monitor-tool",
    "old-layout-agent", "permission-prompt-interrupted", "plain-no-version", "queued-system-messages",
    "rate-limit-error", "read-tool-2.1.132", "record-type-coverage", "representative-messages", "resume-1.0.56",
    "schema-drift", "subagent-2.1.207", "system-model-change", "task-id-linking", "teammates", "todowrite",
    "tool-call-pending", "truncated-last-line", "workflow-agents",
]  # fmt: skip
OTHERWISE = {
    "session-alpha",  # its records have no type: the definitions count none of them as messages, the tokens they do
    "[trimmed for fixture]",  # all its records have one uuid, so the definitions count the first and drop the rest
}
BETTER = {
    "edge_cases": {"user_prompts": 3},  # a record whose message is damaged does not hide the whole one after it
}
TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens")


def readings(root: Path) -> list[tuple[str, list[Fact]]]:
    """Event type and facts of every recognised line below a folder, files in byte order of their paths."""
    found = []
    paths = sorted(root.rglob("*.jsonl"), key=lambda path: str(path.relative_to(root)).encode())
    for path in paths:
        for number, line in enumerate(path.read_bytes().split(b"\n")):
            record = Record(f"file://{path}", line, str(number))
            envelope = FORMAT.recognise(record) if line.strip() else None
            if envelope is not None:
                event = event_of(record, envelope)
                found.append((event.type, list(FORMAT.read(event))))
    return found


def folder_of(shared_data: Path, name: str) -> Path:
    root = shared_data / "claude_code"
    return root / "projects" if name == "projects" else root / "fixtures" / name / "projects"


def expected(shared_data: Path, file: str, name: str) -> Any:
    numbers = msgspec.json.decode((shared_data / "expected" / file).read_bytes())
    return numbers["projects"] if name == "projects" else numbers["fixtures"][name]


def total_of(fact: UsageReported) -> int:
    parts = fact.input_tokens, fact.output_tokens, fact.cache_creation_input_tokens, fact.cache_read_input_tokens
    return sum(part or 0 for part in parts)


def calls(facts: Iterable[Fact], origins: set[str]) -> list[UsageReported]:
    """One fact per model call: the largest of a message, the first of equals. Two requests under one message id are two
    calls, unless one is a side chain's copy, which never stands beside the original."""
    kept: dict[str, list[UsageReported]] = defaultdict(list)
    for fact in facts:
        if not isinstance(fact, UsageReported) or fact.origin not in origins:
            continue
        group = kept[fact.usage_id]
        place = next((number for number, before in enumerate(group) if _is_same_call(fact, before)), None)
        if place is None:
            group.append(fact)
        elif _is_better(fact, group[place]):
            group[place] = fact
    return [fact for group in kept.values() for fact in group]


def _is_same_call(fact: UsageReported, before: UsageReported) -> bool:
    return fact.request_id == before.request_id or fact.is_sidechain or before.is_sidechain


def _is_better(fact: UsageReported, before: UsageReported) -> bool:
    if fact.is_sidechain != before.is_sidechain and fact.request_id != before.request_id:
        return before.is_sidechain
    return total_of(fact) > total_of(before)


def table(kept: Iterable[UsageReported], key: str) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("messages", *TOKENS), 0))
    for fact in kept:
        when = "unknown" if fact.time is None else format_time(fact.time)[:10]
        row = rows[{"by_session_id": fact.sid, "by_day": when, "by_model": fact.model or ""}[key]]
        row["messages"] += 1
        row["input_tokens"] += fact.input_tokens or 0
        row["output_tokens"] += fact.output_tokens or 0
        row["cache_creation_tokens"] += fact.cache_creation_input_tokens or 0
        row["cache_read_tokens"] += fact.cache_read_input_tokens or 0
        row["total_tokens"] += total_of(fact)
    return dict(rows)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("table_name", ["expected", "expected_with_progress"])
def test_tokens_per_session_day_and_model_agree_exactly(shared_data: Path, name: str, table_name: str) -> None:
    wanted = expected(shared_data, "usage_claude.json", name)[table_name]
    origins = {"message"} if table_name == "expected" else {"message", "progress"}
    kept = calls((fact for _, facts in readings(folder_of(shared_data, name)) for fact in facts), origins)
    assert sum(not fact.is_final for fact in kept) == wanted["messages_without_stop_reason"]
    for key in ("by_session_id", "by_model"):
        assert table(kept, key) == wanted[key]
    days = {day if day[:1].isdigit() else "unknown": row for day, row in wanted["by_day"].items()}
    assert table(kept, "by_day") == days


@pytest.mark.parametrize("name", FOLDERS)
def test_sessions_prompts_messages_blocks_and_tools_agree_exactly(shared_data: Path, name: str) -> None:
    every = expected(shared_data, "claude_counts.json", name)["by_session"]
    wanted = {sid: one for sid, one in every.items() if {"user", "assistant"} & set(one["records_by_type"])}
    found = count(readings(folder_of(shared_data, name)))
    assert set(found) - OTHERWISE == set(wanted) - OTHERWISE
    for sid in set(wanted) - OTHERWISE:
        assert found[sid].numbers() == comparable(wanted[sid]) | BETTER.get(sid, {}), sid


class Seen:
    """What the facts of one session add up to. Everything is a set of ids, so copies count once."""

    def __init__(self) -> None:
        self.prompts: dict[str, str] = {}
        self.interrupts: set[float | None] = set()
        self.messages: dict[bool, set[str]] = {False: set(), True: set()}
        self.synthetic: set[str] = set()
        self.blocks: dict[str, str] = {}
        self.calls: dict[str, str] = {}
        self.side_calls: set[str] = set()
        self.results: dict[str, tuple[str, bool | None]] = {}
        self.compactions: set[float | None] = set()

    def numbers(self) -> dict[str, Any]:
        called, answered = set(self.calls), {name for name, _ in self.results.values()}
        errors = dict(self.results.values())
        kinds = Counter(self.prompts.values())
        return {
            "user_prompts": kinds["prompt"],
            "notifications": kinds["notification"] + kinds["peer"],
            "interrupts": len(self.interrupts),
            "compact_boundaries": len(self.compactions),
            "assistant_messages": len(self.messages[False] | self.messages[True]),
            "assistant_messages_main": len(self.messages[False]),
            "assistant_messages_sidechain": len(self.messages[True]),
            "assistant_messages_synthetic": len(self.synthetic),
            "blocks": dict(Counter(self.blocks.values())),
            "tool_calls": len(called),
            "tool_calls_sidechain": len(self.side_calls),
            "tool_calls_by_name": dict(Counter(self.calls.values())),
            "tool_results": len(answered),
            "tool_result_blocks": len(self.results),
            "tool_errors": sum(error is True for error in errors.values()),
            "tool_calls_without_result": len(called - answered),
            "tool_results_without_call": len(answered - called),
        }


def comparable(numbers: dict[str, Any]) -> dict[str, Any]:
    """Expected numbers in the words of the facts: a string is a text block, teammates are notified like tasks are, and
    what the user side injects is a message of its own."""
    classes = numbers["user_records"]
    blocks = Counter[str]()
    for kind, n in numbers["blocks"].items():
        if kind.startswith("assistant."):
            blocks[kind.removeprefix("assistant.").replace("string", "text")] += n
    wanted = {key: numbers[key] for key in Seen().numbers() if key in numbers}
    wanted["notifications"] = classes.get("notification", 0)
    wanted["interrupts"] = classes.get("interrupt", 0)
    return wanted | {"blocks": dict(blocks)}


def count(read: Iterable[tuple[str, list[Fact]]]) -> dict[str, Seen]:
    """Per session, what `claude_counts.json` defines, from the facts alone."""
    sessions: dict[str, Seen] = {}
    for kind, told in read:
        facts = [fact for fact in told if isinstance(fact, AgentFactBase)]
        if kind in {"claude_code.user", "claude_code.assistant"}:
            sessions.setdefault(facts[0].sid, Seen())
        for fact in facts:
            if fact.sid in sessions:
                _add(sessions[fact.sid], kind, fact)
                if isinstance(fact, MessageStarted):
                    is_sidechain = fact.is_sidechain
                elif isinstance(fact, BlockReceived) and fact.tool_use_id and is_sidechain:
                    sessions[fact.sid].side_calls.add(fact.tool_use_id)
    return sessions


def _add(seen: Seen, kind: str, fact: Fact) -> None:
    match fact:
        case PromptSubmitted(kind="queued"):
            pass
        case PromptSubmitted():
            seen.prompts[fact.prompt_id] = fact.kind
        case RoundEnded(outcome="aborted"):
            seen.interrupts.add(fact.time)
        case MessageStarted(role="assistant"):
            seen.messages[fact.is_sidechain].add(fact.message_id)
            if fact.model == "<synthetic>":
                seen.synthetic.add(fact.message_id)
        case BlockReceived() if kind == "claude_code.assistant":
            if fact.key not in seen.blocks and fact.block_type == "tool_use" and fact.tool_use_id:
                seen.calls.setdefault(fact.tool_use_id, str(fact.tool_name))
            seen.blocks.setdefault(fact.key, fact.block_type)
        case ToolResultReceived():
            seen.results.setdefault(fact.result_id, (fact.tool_use_id, fact.is_error))
        case ContextCompacted():
            seen.compactions.add(fact.time)
