"""What the records of the Codex producer about turns mean: `turn.*` and `codex.*`.

The same text arrives through three channels. The streamed `response.*` one is folded (see `sse_codex_stream`); the
others (`turn.response.delta`, `turn.agent_message`, `turn.reasoning`, raw message items) are signs of life, and the
last answer of a round travels in `RoundEnded.last_text` for displays that find no block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eventsrc.formats.sse_codex_usage import token_count
from eventsrc.formats.sse_rows import Row
from eventsrc.formats.sse_times import uuid7_time
from eventsrc.formats.sse_who import Object, Who, codex_who, content_text, number_in, object_in, text_in
from eventsrc.plugin import (
    BlockReceived,
    ErrorReported,
    Fact,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolResultReceived,
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
        return [_call_output(who, call_id, item.get("output"))]
    return who.activity(f"turn.raw_response_item/{kind}")


def call_received(who: Who, item: Object) -> BlockReceived:
    """A whole tool call. The item's own id (`fc_…`) names the message, the call id names the call. The input is JSON
    but for custom tools, which take any text (a patch)."""
    call_id = text_in(item, "call_id")
    given = [item[key] for key in ("arguments", "input", "action", "operation") if key in item]
    return BlockReceived(
        **who.fields,
        message_id=text_in(item, "id") or call_id,
        key=call_id,
        block_type="tool_use",
        content=content_text(given[0]) if given else "",
        tool_use_id=call_id,
        tool_name=call_name(item),
    )


def call_name(item: Object) -> str:
    """The tool; built-in ones are named by the type of their item: `local_shell_call` → `local_shell`."""
    return text_in(item, "name") or text_in(item, "type").removesuffix("_call")


def _call_output(who: Who, call_id: str, output: object) -> Fact:
    """What the model saw. Only newer builds say whether it went well."""
    is_error: bool | None = None
    if isinstance(output, dict):
        success = output.get("success")
        is_error = not success if isinstance(success, bool) else None
        output = output.get("content", output.get("body", output))
    return ToolResultReceived(
        **who.fields,
        tool_use_id=call_id,
        content=content_text(output),
        is_error=is_error,
        result_id=f"{call_id}/output",
    )


def _exec_end(who: Who, payload: Object) -> list[Fact]:
    exit_code = number_in(payload, "exit_code")
    output = text_in(payload, "aggregated_output") or text_in(payload, "formatted_output")
    return _ended(who, payload, output or _both_outputs(payload), None if exit_code is None else exit_code != 0)


def _patch_apply_end(who: Who, payload: Object) -> list[Fact]:
    success = payload.get("success")
    return _ended(who, payload, _both_outputs(payload), not success if isinstance(success, bool) else None)


def _mcp_tool_call_end(who: Who, payload: Object) -> list[Fact]:
    result = object_in(payload, "result")
    if "Err" in result:
        return _ended(who, payload, content_text(result["Err"]), True)
    answer = object_in(result, "Ok") or result
    is_error = answer.get("isError", answer.get("is_error", False))
    return _ended(who, payload, content_text(answer.get("content")), is_error is True)


def _both_outputs(payload: Object) -> str:
    return text_in(payload, "stdout") + text_in(payload, "stderr")


def _ended(who: Who, payload: Object, content: str, is_error: bool | None) -> list[Fact]:
    call_id = text_in(payload, "call_id")
    if not call_id:
        raise ValueError("the end of a tool call without its call_id")
    return [
        ToolResultReceived(
            **who.fields,
            tool_use_id=call_id,
            content=content,
            is_error=is_error,
            result_id=f"{call_id}/end",
            duration_ms=_milliseconds(payload.get("duration")),
        )
    ]


def _milliseconds(duration: object) -> float | None:
    """`{"secs": 1, "nanos": 500000000}` → 1500.0."""
    if not isinstance(duration, dict):
        return None
    seconds, nanos = number_in(duration, "secs"), number_in(duration, "nanos")
    return None if seconds is None and nanos is None else (seconds or 0) * 1000 + (nanos or 0) / 1e6


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
    "turn.exec.end": _exec_end,
    "turn.patch_apply.end": _patch_apply_end,
    "turn.mcp_tool_call.end": _mcp_tool_call_end,
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
