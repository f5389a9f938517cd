"""What the records of the Codex producer about turns mean: `turn.*` and `codex.*`.

The same text arrives through three channels. The streamed `response.*` one is folded (see `sse_codex_stream`); the
others (`turn.response.delta`, `turn.agent_message`, `turn.reasoning`, raw message items) are signs of life, and the
last answer of a round travels in `RoundEnded.last_text` for displays that find no block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eventsrc.formats.codex_results import call_output, call_received, exec_end, mcp_tool_call_end, patch_apply_end
from eventsrc.formats.codex_usage import token_count
from eventsrc.formats.sse_rows import Row
from eventsrc.formats.sse_times import uuid7_time
from eventsrc.formats.sse_who import Object, Who, codex_who, content_text, object_in, text_in
from eventsrc.plugin import (
    ErrorReported,
    Fact,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionStarted,
)


class Body(msgspec.Struct, gc=False):
    """`turn.*` records wrap their payload; of the others some do and some do not."""

    payload: dict[str, Any] | None = None


_decode_body = msgspec.json.Decoder(Body).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def turn(name: str, row: Row) -> list[Fact]:
    """A record of `turn.*` or `codex.*`."""
    if name in _ALIVE:  # their bodies repeat what other records say, some of them in megabytes: left unread
        return codex_who(row).activity(name)
    reader = _READERS.get(name)
    if reader is None:
        return codex_who(row).unknown(name)
    body = row.body()
    payload = _decode_body(body).payload
    opens = uuid7_time(row.round or "") if name in _OPENING else None
    return reader(codex_who(row, hint=opens), _decode_object(body) if payload is None else payload)


# --- sessions and rounds ------------------------------------------------------------------------------------------


def _session_configured(who: Who, payload: Object) -> list[Fact]:
    resumed = bool(payload.get("initial_messages"))
    if not resumed and who.fields["zone_hint"] is None:
        # A new session's id was made in the same instant; a resumed one keeps the id of its first start.
        who.fields["zone_hint"] = uuid7_time(who.fields["sid"])
    started = SessionStarted(**who.fields, source="resume" if resumed else "new")
    observed = who.observed(model=text_in(payload, "model") or None, cwd=text_in(payload, "cwd") or None)
    return [started, *observed]


def _shutdown_complete(who: Who, payload: Object) -> list[Fact]:
    return [SessionEnded(**who.fields, reason="shutdown_complete")]


def _user_message(who: Who, payload: Object) -> list[Fact]:
    message = payload.get("message")
    if isinstance(message, dict):
        message = message.get("message", message.get("content", message))
    return [*who.observed(), PromptSubmitted(**who.fields, prompt=content_text(message))]


def _task_started(who: Who, payload: Object) -> list[Fact]:
    return [*who.observed(), *who.activity("turn.task_started")]


def _response_completed(who: Who, payload: Object) -> list[Fact]:
    last_text = text_in(payload, "last_agent_message")
    return [RoundEnded(**who.fields, outcome="complete", reason="response.completed", last_text=last_text)]


def _response_aborted(who: Who, payload: Object) -> list[Fact]:
    return [RoundEnded(**who.fields, outcome="aborted", reason=text_in(payload, "reason"))]


def _error(who: Who, payload: Object) -> list[Fact]:
    return [ErrorReported(**who.fields, message=content_text(payload.get("message", payload)))]


# --- tools: one call has one call_id, whatever the record ---------------------------------------------------------


def _raw_response_item(who: Who, payload: Object) -> list[Fact]:
    item = object_in(payload, "item")
    kind, call_id = text_in(item, "type"), text_in(item, "call_id")
    if call_id and kind.endswith("_call"):
        return [call_received(who, item)]
    if call_id and kind.endswith("_call_output"):
        return [call_output(who, call_id, item.get("output"))]
    return who.activity(f"turn.raw_response_item/{kind}")


_READERS: dict[str, Callable[[Who, Object], list[Fact]]] = {
    "turn.session_configured": _session_configured,
    "turn.shutdown_complete": _shutdown_complete,
    "turn.user_message": _user_message,
    "turn.task_started": _task_started,
    "turn.response.completed": _response_completed,
    "turn.response.aborted": _response_aborted,
    "turn.error": _error,
    "turn.stream_error": _error,
    "turn.raw_response_item": _raw_response_item,
    "turn.exec.end": exec_end,
    "turn.patch_apply.end": patch_apply_end,
    "turn.mcp_tool_call.end": mcp_tool_call_end,
    "turn.token_count": token_count,
    "codex.token_count": token_count,
}

_OPENING = frozenset({"turn.user_message", "turn.task_started", "turn.session_configured"})
"""The first records of a round: its UUIDv7 was made in the same instant, so they tell the zone of the local times."""

_ALIVE = frozenset(
    {
        "codex.idle",  # its order is not reliable: no end
        "codex.tool_result",  # a summary cut at 2 KiB; the whole result has records of its own
        "codex.user_prompt",  # defined, never written; turn.user_message is the prompt
        "turn.agent_message",
        "turn.agent_message.delta",
        "turn.background_event",
        "turn.diff",
        "turn.exec.begin",
        "turn.item.completed",
        "turn.item.started",
        "turn.list_custom_prompts_response",
        "turn.mcp_startup.complete",
        "turn.mcp_startup.update",
        "turn.mcp_tool_call.begin",
        "turn.patch_apply.begin",
        "turn.plan_update",
        "turn.reasoning",
        "turn.reasoning.delta",
        "turn.reasoning.section_break",
        "turn.response.delta",
    }
)
