"""What one record of a transcript means. Dictionaries, because every version so far added fields and none took one away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from eventsrc.formats.claude_prompts import prompt_facts
from eventsrc.plugin import (
    Activity,
    BlockReceived,
    ContextCompacted,
    ErrorReported,
    Fact,
    MessageEnded,
    MessageStarted,
    PromptSubmitted,
    RoundEnded,
    SessionObserved,
    ToolResultReceived,
    Unknown,
    UsageReported,
    parse_time,
)

Object: TypeAlias = dict[str, Any]
AGENT = "claude_code"
_TITLES = {"custom-title": ("customTitle", 3), "ai-title": ("aiTitle", 2), "summary": ("summary", 1)}
_CONTENT = {"text": "text", "thinking": "thinking", "redacted_thinking": "data"}


def facts_of(record: Object, event_type: str, session: str, identity: str) -> list[Fact]:
    """The facts of one record. `session` is what the envelope says, `identity` names the record across copies."""
    sid = record.get("sessionId")
    base: Object = {
        "sid": sid if isinstance(sid, str) and sid else session,
        "time": _time(record.get("timestamp")),
        "agent": AGENT,
    }
    if not base["sid"]:
        return [] if record.get("type") in ("summary", "file-history-snapshot") else [Unknown(**base, what=event_type)]
    kind = record.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    observed = _observed(record, base)
    if reader is None:
        known = kind in _TITLES or kind in QUIET or event_type in ("claude_code.journal", "claude_code.agent_meta")
        return [*observed, *_marker(record, base)] if known else [*observed, Unknown(**base, what=event_type)]
    return [*observed, *reader(record, base, identity)]


def _observed(record: Object, base: Object) -> list[Fact]:
    """What a chain record says of its session."""
    if record.get("isSidechain") or not record.get("uuid"):
        return []
    seen = {
        "cwd": record.get("cwd"),
        "git_branch": record.get("gitBranch"),
        "version": record.get("version"),
    }
    texts = {name: value for name, value in seen.items() if isinstance(value, str) and value}
    return [SessionObserved(**base, **texts)] if texts else []


def _assistant(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    message = _object(record.get("message"))
    ids = {"message_id": _text(message.get("id")) or "", "request_id": _text(record.get("requestId")) or ""}
    if not ids["message_id"] and not ids["request_id"]:
        ids["message_id"] = identity
    sidechain = bool(record.get("isSidechain"))
    model = _text(message.get("model"))
    yield MessageStarted(
        **base, **ids, model=model, is_sidechain=sidechain, agent_id=_text(record.get("agentId")), role="assistant"
    )
    kinds = []
    for number, block in enumerate(_blocks(message.get("content"))):
        kinds.append(block.get("type"))
        yield _block(block, base, ids, f"{identity}#{number}")
    yield from _usage(message, base, ids, identity, origin="message", sidechain=sidechain)
    reason = _text(message.get("stop_reason"))
    if reason:
        yield MessageEnded(**base, **ids, stop_reason=reason, stopped=True)
    if record.get("isApiErrorMessage"):
        text = " ".join(_text(block.get("text")) or "" for block in _blocks(message.get("content")))
        yield ErrorReported(**base, error_type=_text(record.get("error")) or "api_error", message=text)
        if not sidechain:
            yield RoundEnded(**base, outcome="failed", reason="api error", explicit=False)
    elif not sidechain and kinds == ["text"] and reason in ("end_turn", "stop_sequence"):
        yield RoundEnded(**base, outcome="complete", reason=reason, explicit=False)


def _block(block: Object, base: Object, ids: Object, key: str) -> Fact:
    kind = _text(block.get("type")) or "unknown"
    tool = kind.endswith("tool_use")
    if tool:
        content = json.dumps(block.get("input", {}), ensure_ascii=False, separators=(",", ":"))
    elif kind in _CONTENT:
        content = _text(block.get(_CONTENT[kind])) or ""
    else:
        content = json.dumps(block, ensure_ascii=False, separators=(",", ":"))
    return BlockReceived(
        **base,
        **ids,
        key=key,
        block_type=kind,
        content=content,
        tool_use_id=_text(block.get("id")) if tool else None,
        tool_name=_text(block.get("name")) if tool else None,
    )


def _usage(message: Object, base: Object, ids: Object, identity: str, *, origin: str, sidechain: bool) -> list[Fact]:
    usage = message.get("usage")
    if not isinstance(usage, dict):
        return []
    names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    counts = {name: _number(usage.get(name)) for name in names}
    return [
        UsageReported(
            **base,
            **ids,
            **counts,
            usage_id=_text(message.get("id")) or identity,
            origin=origin,
            rule="largest",
            model=_text(message.get("model")),
            reasoning_tokens=_number(_object(usage.get("output_tokens_details")).get("thinking_tokens")),
            is_final=message.get("stop_reason") is not None,
            is_sidechain=sidechain,
        )
    ]


def _user(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    message = _object(record.get("message"))
    content = message.get("content")
    results = [block for block in _blocks(content) if block.get("type") == "tool_result"]
    twin = record.get("toolUseResult")
    for block in results:
        tool_use_id = _text(block.get("tool_use_id"))
        if tool_use_id:
            error = block.get("is_error")
            yield ToolResultReceived(
                **base,
                tool_use_id=tool_use_id,
                content=_content_text(block.get("content")),
                is_error=bool(error) if error is not None else (True if isinstance(twin, str) else False),
                result_id=f"{identity}:{tool_use_id}",
                duration_ms=_duration(twin) if len(results) == 1 else None,
            )
    if not results:
        yield from prompt_facts(record, base, _content_text(content), identity)
    elif record.get("interruptedByShutdown"):
        yield RoundEnded(**base, outcome="aborted", reason="shutdown")


def _system(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    subtype = record.get("subtype")
    if subtype in ("stop_hook_summary", "turn_duration"):
        yield RoundEnded(**base, outcome="complete", reason=str(subtype))
    elif subtype == "api_error":
        error = _object(record.get("error"))
        text = _text(error.get("message")) or _text(error.get("formatted")) or ""
        yield ErrorReported(**base, error_type="api_error", message=text, retryable=True)
    elif subtype in ("api_refusal", "model_refusal_fallback"):
        yield ErrorReported(
            **base, error_type=str(subtype), message=_text(record.get("apiRefusalExplanation")) or "", retryable=False
        )
    elif subtype == "compact_boundary":
        facts = _object(record.get("compactMetadata"))
        yield ContextCompacted(
            **base,
            trigger=_text(facts.get("trigger")) or "",
            tokens_before=_number(facts.get("preTokens")),
            tokens_after=_number(facts.get("postTokens")),
        )
    else:
        yield Activity(**base, what=f"system.{subtype or ''}")


def _progress(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    data = _object(record.get("data"))
    outer = _object(data.get("message"))
    message = _object(outer.get("message"))
    if message.get("usage") is None:
        yield Activity(**base, what=f"progress.{data.get('type') or ''}")
        return
    ids = {"message_id": _text(message.get("id")) or "", "request_id": _text(outer.get("requestId")) or ""}
    inner = {**base, "time": _time(outer.get("timestamp")) or base["time"]}
    known = _text(outer.get("uuid")) or identity
    yield from _usage(message, inner, ids, known, origin="progress", sidechain=True)


def _queue(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    if record.get("operation") == "enqueue" and record.get("content") is not None:
        text = _content_text(record.get("content"))
        yield PromptSubmitted(**base, prompt=text, kind="queued")
    else:
        yield Activity(**base, what="queue-operation")


def _attachment(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    yield Activity(**base, what=f"attachment.{_object(record.get('attachment')).get('type') or ''}")


def _legacy(record: Object, base: Object, identity: str) -> Iterator[Fact]:
    message = _object(record.get("message"))
    yield from (_assistant if message.get("role") == "assistant" else _user)(record, base, identity)


def _marker(record: Object, base: Object) -> list[Fact]:
    """Markers of a session: the last one wins."""
    kind = record.get("type")
    if kind in _TITLES:
        name, rank = _TITLES[str(kind)]
        title = _text(record.get(name)) or _text(record.get("title"))
        return [SessionObserved(**base, title=title, title_rank=rank)] if title else []
    if kind == "relocated":
        return [SessionObserved(**base, cwd=_text(record.get("relocatedCwd")))]
    if kind in ("permission-mode", "mode", "agent-name", "agent-setting"):
        values = {name: value for name, value in record.items() if isinstance(value, str) and name not in _OUTER}
        return [SessionObserved(**base, metadata={str(kind): next(iter(values.values()), "")})]
    return [Activity(**base, what=str(kind))]


_OUTER = frozenset(("type", "sessionId", "timestamp", "uuid", "parentUuid"))
QUIET = frozenset(
    [
        "file-history-snapshot",
        "permission-mode",
        "last-prompt",
        "mode",
        "worktree-state",
        "agent-name",
        "agent-setting",
        "relocated",
        "bridge-session",
        "pr-link",
        "frame-link",
        "tag",
        "checkpoint",
    ]
)
"""Types without a meaning for sessions beyond their markers."""
Reader: TypeAlias = Callable[[Object, Object, str], Iterator[Fact]]
READERS: dict[str, Reader] = {
    "assistant": _assistant,
    "user": _user,
    "system": _system,
    "progress": _progress,
    "queue-operation": _queue,
    "attachment": _attachment,
}


def _content_text(content: Any) -> str:
    """A string, or the texts of blocks; what has no text is named."""
    if isinstance(content, str):
        return content
    parts = []
    for block in _blocks(content):
        text = block.get("text")
        parts.append(text if isinstance(text, str) else f"[{block.get('type')}]")
    return "\n".join(parts)


def _duration(twin: Any) -> float | None:
    """Milliseconds that the tool measured itself."""
    facts = _object(twin)
    for name, factor in (("durationMs", 1.0), ("totalDurationMs", 1.0), ("durationSeconds", 1000.0)):
        value = facts.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) * factor
    return None


def _blocks(content: Any) -> list[Object]:
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _object(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Any) -> float | None:
    return parse_time(value) if isinstance(value, str) else None
