"""What the records of the Claude producer (`claude.*`) mean.

The hot path is `content_block_delta`: nine of ten records. It decodes just what its fact holds; the others share one
tolerant payload, because the producer's private patches changed it several times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eventsrc.formats.anthropic_usage import message_usage
from eventsrc.formats.sse_blocks import block_started
from eventsrc.formats.sse_rows import SENTINELS, Row, origin_of
from eventsrc.formats.sse_times import instant
from eventsrc.formats.sse_who import (
    Object,
    Who,
    claude_who,
    content_text,
    number_in,
    object_in,
    objects_in,
    sid_of,
    text_in,
)
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    ErrorReported,
    Fact,
    MessageEnded,
    MessageStarted,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolResultReceived,
)


class _Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    content: str | None = None


class _DeltaPayload(msgspec.Struct, gc=False):
    index: int
    delta: _Delta
    request_id: str | None = None


class _DeltaBody(msgspec.Struct, gc=False):
    payload: _DeltaPayload
    timestamp: str | None = None


class Body(msgspec.Struct, gc=False):
    """Every other record. The outer `type` is ignored: it is not always `event_msg` (L7)."""

    payload: dict[str, Any] = {}
    timestamp: str | None = None


_PARTS = frozenset(
    f"claude.{name}" for name in ("content_block_start", "content_block_stop", "message_delta", "message_stop")
)
_NO_FLOW = "a part of a message that no id names"  # sentinels are no keys: texts of strangers would become one (E17)
_decode_delta = msgspec.json.Decoder(_DeltaBody).decode
_decode_body = msgspec.json.Decoder(Body).decode


def delta(row: Row) -> list[Fact]:
    """A streamed piece of a block."""
    body = _decode_delta(row.body())
    payload = body.payload
    message_id = "" if payload.request_id else _flow_id(row)
    if not payload.request_id and not message_id:
        return claude_who(row, body.timestamp).unknown(_NO_FLOW)
    piece = payload.delta
    if (text := piece.text) is not None:
        kind = "text"
    elif (text := piece.partial_json) is not None:
        kind = "json"
    elif (text := piece.thinking) is not None:
        kind = "thinking"
    elif (text := piece.signature) is not None:
        kind = "signature"
    elif (text := piece.content) is not None and piece.type == "compaction_delta":
        kind = "text"
    else:
        return claude_who(row, body.timestamp).unknown(f"claude.content_block_delta/{piece.type}")
    time = instant(body.timestamp)
    if time is None:
        return [_timeless(row, payload, kind, text)]
    return [
        BlockDelta(
            sid=sid_of(row),
            time=time,
            pid=origin_of(row).pid,
            round=row.round or "",
            agent="claude_code",
            message_id=message_id,
            request_id=payload.request_id or "",
            index=payload.index,
            kind=kind,
            text=text,
        )
    ]


def _timeless(row: Row, payload: _DeltaPayload, kind: str, text: str) -> BlockDelta:
    flow = _flow(row, payload.request_id)
    return BlockDelta(**claude_who(row).fields, **flow, index=payload.index, kind=kind, text=text)


def other(name: str, row: Row) -> list[Fact]:
    """Every record but a delta."""
    body = _decode_body(row.body())
    reader = _READERS.get(name)
    if reader is None:
        return claude_who(row, body.timestamp).unknown(name)
    who = claude_who(row, body.timestamp, opens_round=name in ("claude.user_prompt", "claude.session_start"))
    if name in _PARTS and not any(_flow(row, body.payload.get("request_id")).values()):
        return who.unknown(_NO_FLOW)
    return reader(who, row, body.payload)


def _flow_id(row: Row) -> str:
    return "" if row.flow_id is None or row.flow_id in SENTINELS else row.flow_id


def _flow(row: Row, request_id: object) -> Object:
    """The flow key rule: the request id, only then the flow id, which older builds wrote wrongly (E3)."""
    if isinstance(request_id, str) and request_id:
        return {"request_id": request_id}
    return {"message_id": _flow_id(row)}


def _index(payload: Object) -> int:
    index = number_in(payload, "index")
    if index is None:
        raise ValueError("a block without an index")
    return index


# --- sessions and rounds ------------------------------------------------------------------------------------------


def _session_start(who: Who, row: Row, payload: Object) -> list[Fact]:
    return [SessionStarted(**who.fields, source=text_in(payload, "source")), *who.observed()]


def _session_end(who: Who, row: Row, payload: Object) -> list[Fact]:
    return [SessionEnded(**who.fields, reason=text_in(payload, "reason"))]


def _user_prompt(who: Who, row: Row, payload: Object) -> list[Fact]:
    # The line `Your agent Id is: …` that first prompts end with stays: raw here, stripped for display (E20).
    prompt = PromptSubmitted(
        **who.fields, prompt=content_text(payload.get("prompt")), prompt_id=text_in(payload, "message_uuid")
    )
    return [*who.observed(), prompt]


def _stop(who: Who, row: Row, payload: Object) -> list[Fact]:
    if payload.get("is_subagent") is True:
        return who.activity("claude.stop/subagent")
    return [RoundEnded(**who.fields, outcome="complete", reason="stop")]


def _queue_operation(who: Who, row: Row, payload: Object) -> list[Fact]:
    # Typed while the agent works. Only `enqueue` always has the text; the other operations move it.
    operation = text_in(payload, "operation")
    prompt = content_text(payload.get("content"))
    if operation == "enqueue" and prompt:
        return [PromptSubmitted(**who.fields, prompt=prompt, kind="queued")]
    return who.activity(f"claude.queue_operation/{operation}")


# --- messages -----------------------------------------------------------------------------------------------------


def _message_start(who: Who, row: Row, payload: Object) -> list[Fact]:
    message = object_in(payload, "message")
    message_id, request_id = text_in(message, "id"), text_in(payload, "request_id")
    if not message_id and not request_id:
        message_id = _flow_id(row)
    flow: Object = {"message_id": message_id, "request_id": request_id}
    model = text_in(message, "model") or None
    facts: list[Fact] = [
        *who.observed(model=model),
        MessageStarted(**who.fields, **flow, role=text_in(message, "role") or "assistant", model=model),
    ]
    # Programmatic tool calling: the message is whole in its start record, and no delta follows.
    for index, block in enumerate(objects_in(message, "content")):
        facts += block_started(who, flow, index, block)
        facts.append(BlockCompleted(**who.fields, **flow, index=index))
    if stop_reason := text_in(message, "stop_reason"):
        facts.append(MessageEnded(**who.fields, **flow, stop_reason=stop_reason))
    if usage := object_in(message, "usage"):
        facts.append(message_usage(who, flow, usage, model=model, is_final=bool(stop_reason)))
    return facts


def _message_delta(who: Who, row: Row, payload: Object) -> list[Fact]:
    flow = _flow(row, payload.get("request_id"))
    stop_reason = text_in(object_in(payload, "delta"), "stop_reason") or None
    facts: list[Fact] = [MessageEnded(**who.fields, **flow, stop_reason=stop_reason)]
    if usage := object_in(payload, "usage"):
        facts.append(message_usage(who, flow, usage, model=None, is_final=True))
    return facts


def _message_stop(who: Who, row: Row, payload: Object) -> list[Fact]:
    return [MessageEnded(**who.fields, **_flow(row, payload.get("request_id")), stopped=True)]


# --- blocks and results -------------------------------------------------------------------------------------------


def _content_block_start(who: Who, row: Row, payload: Object) -> list[Fact]:
    flow = _flow(row, payload.get("request_id"))
    return block_started(who, flow, _index(payload), object_in(payload, "content_block"))


def _content_block_stop(who: Who, row: Row, payload: Object) -> list[Fact]:
    return [BlockCompleted(**who.fields, **_flow(row, payload.get("request_id")), index=_index(payload))]


def _tool_result(who: Who, row: Row, payload: Object) -> list[Fact]:
    results: list[Fact] = []
    for block in objects_in(object_in(payload, "message"), "content"):
        tool_use_id = text_in(block, "tool_use_id")
        is_error = block.get("is_error")
        if tool_use_id:
            results.append(
                ToolResultReceived(
                    **who.fields,
                    tool_use_id=tool_use_id,
                    content=content_text(block.get("content")),
                    is_error=is_error if isinstance(is_error, bool) else None,
                    result_id=text_in(payload, "uuid"),
                    parent_tool_use_id=text_in(payload, "parent_tool_use_id") or None,
                )
            )
    return results or who.activity("claude.tool_result")


def _error(who: Who, row: Row, payload: Object) -> list[Fact]:
    error = object_in(payload, "error") or payload
    return [ErrorReported(**who.fields, error_type=text_in(error, "type"), message=text_in(error, "message"))]


def _alive(name: str) -> Callable[[Who, Row, Object], list[Fact]]:
    return lambda who, row, payload: who.activity(name)


_READERS: dict[str, Callable[[Who, Row, Object], list[Fact]]] = {
    "claude.session_start": _session_start,
    "claude.session_end": _session_end,
    "claude.user_prompt": _user_prompt,
    "claude.stop": _stop,
    "claude.turn_end": _alive("claude.turn_end"),  # follows every Stop hook, sub-agents' too: no end of a round
    "claude.queue_operation": _queue_operation,
    "claude.message_start": _message_start,
    "claude.message_delta": _message_delta,
    "claude.message_stop": _message_stop,
    "claude.content_block_start": _content_block_start,
    "claude.content_block_stop": _content_block_stop,
    "claude.tool_result": _tool_result,
    "claude.error": _error,
    "claude.ping": _alive("claude.ping"),
}
