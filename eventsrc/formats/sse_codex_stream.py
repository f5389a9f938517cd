"""What the streamed records of a Codex call mean: upstream `response.*`, unwrapped.

Deltas do not name their response, so every item (`msg_…`, `rs_…`, `fc_…`) is a message of its own: flow = `item_id`,
block index = `content_index` or `summary_index`, 0 for a call. `response.completed` ends one of 1 to 22 API calls of a
round and never the round. Pieces are folded in file order, which is theirs but for builds that wrote some of them out
of turn (E6): the whole text at the end of a part replaces what they gave. It has the key that a rollout gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eventsrc.formats.codex_results import call_name, call_received
from eventsrc.formats.sse_rows import Row, origin_of
from eventsrc.formats.sse_times import wall
from eventsrc.formats.sse_who import Object, Who, codex_round, codex_who, content_text, object_in, sid_of, text_in
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ErrorReported,
    Fact,
    MessageEnded,
    MessageStarted,
)


class Piece(msgspec.Struct, gc=False):
    """A record about a part of an item."""

    item_id: str
    content_index: int | None = None
    summary_index: int | None = None
    delta: str = ""
    text: str | None = None
    refusal: str | None = None

    @property
    def index(self) -> int:
        return self.content_index or self.summary_index or 0


class Item(msgspec.Struct, gc=False):
    """A record about a whole item."""

    item: dict[str, Any] = {}


class Response(msgspec.Struct, gc=False):
    """A record about a whole response: tens of kilobytes, of which little is news."""

    response: dict[str, Any] = {}


_decode_piece = msgspec.json.Decoder(Piece).decode
_decode_item = msgspec.json.Decoder(Item).decode
_decode_response = msgspec.json.Decoder(Response).decode

DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
    "response.function_call_arguments.delta": "json",
    "response.custom_tool_call_input.delta": "text",  # a custom tool takes any text, not JSON
}


def response(name: str, row: Row) -> list[Fact]:
    """A record of `response.*`."""
    kind = DELTAS.get(name)
    if kind is not None:
        return [_delta(row, kind)]
    reader = _READERS.get(name)
    if reader is not None:
        return reader(codex_who(row), row.body())
    who = codex_who(row)
    return who.activity(name) if name in _ALIVE else who.unknown(name)


def _delta(row: Row, kind: str) -> BlockDelta:
    piece = _decode_piece(row.body())
    return BlockDelta(
        sid=sid_of(row),
        pid=origin_of(row).pid,
        round=codex_round(row),
        agent="codex",
        local=wall(row.t),
        message_id=piece.item_id,
        index=piece.index,
        kind=kind,
        text=piece.delta,
    )


def _created(who: Who, body: str) -> list[Fact]:
    answer = _decode_response(body).response
    return [*who.observed(model=text_in(answer, "model") or None), *who.activity("response.created")]


def _failed(who: Who, body: str) -> list[Fact]:
    error = object_in(_decode_response(body).response, "error")
    return [ErrorReported(**who.fields, error_type=text_in(error, "code"), message=text_in(error, "message"))]


def _item_added(who: Who, body: str) -> list[Fact]:
    item = _decode_item(body).item
    item_id = text_in(item, "id")
    if not item_id:
        return who.activity("response.output_item.added")
    facts: list[Fact] = [MessageStarted(**who.fields, message_id=item_id, role=text_in(item, "role") or "assistant")]
    if text_in(item, "type").endswith("_call"):
        call_id = text_in(item, "call_id") or None
        call: Object = {"block_type": "tool_use", "tool_use_id": call_id, "tool_name": call_name(item)}
        facts.append(BlockStarted(**who.fields, message_id=item_id, index=0, **call))
    return facts


def _item_done(who: Who, body: str) -> list[Fact]:
    item = _decode_item(body).item
    item_id, facts = text_in(item, "id"), list[Fact]()
    if text_in(item, "type").endswith("_call") and text_in(item, "call_id"):
        facts.append(call_received(who, item))
        if item_id:
            facts.append(BlockCompleted(**who.fields, message_id=item_id, index=0))
    if item_id:
        facts.append(MessageEnded(**who.fields, message_id=item_id, stopped=True))
    return facts or who.activity("response.output_item.done")


def _part_added(block_type: str) -> Callable[[Who, str], list[Fact]]:
    def read(who: Who, body: str) -> list[Fact]:
        piece = _decode_piece(body)
        started = BlockStarted(**who.fields, message_id=piece.item_id, index=piece.index, block_type=block_type)
        return [started]

    return read


def _part_done(who: Who, body: str) -> list[Fact]:
    piece = _decode_piece(body)
    return [BlockCompleted(**who.fields, message_id=piece.item_id, index=piece.index)]


def _text_done(block_type: str) -> Callable[[Who, str], list[Fact]]:
    def read(who: Who, body: str) -> list[Fact]:
        piece = _decode_piece(body)
        named: Object = {**who.fields, "message_id": piece.item_id}
        completed = BlockCompleted(**named, index=piece.index)
        text = piece.text if piece.text is not None else piece.refusal
        if text is None:
            return [completed]
        key = f"{piece.item_id}#{piece.index}"
        return [BlockReceived(**named, key=key, block_type=block_type, content=text), completed]

    return read


def _stream_error(who: Who, body: str) -> list[Fact]:
    return [ErrorReported(**who.fields, message=content_text(msgspec.json.decode(body, type=Object).get("message")))]


_READERS: dict[str, Callable[[Who, str], list[Fact]]] = {
    "response.created": _created,
    "response.failed": _failed,
    "response.error": _stream_error,
    "response.output_item.added": _item_added,
    "response.output_item.done": _item_done,
    "response.content_part.added": _part_added("text"),
    "response.content_part.done": _part_done,
    "response.output_text.done": _text_done("text"),
    "response.refusal.done": _text_done("text"),
    "response.reasoning_summary_part.added": _part_added("thinking"),
    "response.reasoning_summary_part.done": _part_done,
    "response.reasoning_summary_text.done": _text_done("thinking"),
    "response.function_call_arguments.done": _part_done,
    "response.custom_tool_call_input.done": _part_done,
}

_ALIVE = frozenset(
    {
        "response.in_progress",
        "response.queued",
        "response.completed",
        "response.incomplete",
        "response.reasoning_text.done",
        "response.output_text.annotation.added",
    }
)
