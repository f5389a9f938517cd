"""Captured streams of the Anthropic Messages API, as sent: one response per file, or several after one another.

A record is a line, as everywhere, so that what a model types is seen while it types it. But only `message_start` names
the message; the lines after it are "of the message that this stream opened last". They carry the name of the stream as
the message id, `stream/<file>`, and `MessageStarted.stream` tells projections which message that name stands for now.
A second start of the same message, or the whole stream once more, therefore changes nothing; another one leaves the
old message as incomplete as it is.

A file is a session, named after it. The wire has no times: things happened when they were recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar
from urllib.parse import unquote

import msgspec

from eventsrc.formats.anthropic_line import EVENT_LINE, body_of, kind_of
from eventsrc.formats.anthropic_usage import iterations, message_usage
from eventsrc.formats.catalogue import subject_of
from eventsrc.formats.sse_blocks import block_started
from eventsrc.formats.sse_who import Object, Who, json_text, number_in, object_in, objects_in, text_in
from eventsrc.limits import ID_CHARS
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    Envelope,
    ErrorReported,
    Event,
    Fact,
    MessageEnded,
    MessageStarted,
    Record,
    parse_time,
)

PREFIX = "anthropic_sse."
AGENT = "anthropic_api"
_PLACES = 4_096  # names kept parsed: more than the files that are read in turns at any one time
_SESSION_CHARS = ID_CHARS - len("session/")


class AnthropicSse:
    """Raw responses to `POST /v1/messages` with `stream: true`."""

    name: ClassVar[str] = "anthropic_sse"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (PREFIX,)

    def recognise(self, record: Record) -> Envelope | None:
        """`anthropic_sse.<type>`, the file as the session; `event:` lines are `anthropic_sse.event_line`."""
        kind = kind_of(record.data, in_capture=record.source.endswith(".sse"))
        return None if kind is None else Envelope(PREFIX + kind, f"session/{_session(record.source)}")

    def read(self, event: Event) -> Sequence[Fact]:
        """What a data line means. Pings and `event:` lines mean nothing: not even a sign of life, which would keep
        neighbouring pieces of text apart."""
        kind = event.type.removeprefix(PREFIX)
        if kind in (EVENT_LINE, "ping"):
            return []
        sid, time = _session(event.source), parse_time(event.recordedtime)
        line = _Line(Who({"sid": sid, "time": time, "agent": AGENT}), _stream(event.source))
        body = body_of(event.raw)
        if body is None:
            return line.who.unknown(f"{kind}: the data is torn")
        return _READERS[kind](line, body) if kind in _READERS else line.who.unknown(kind)


class _Line(msgspec.Struct, frozen=True):
    who: Who
    stream: str

    @property
    def flow(self) -> Object:
        """Which message a line belongs to that does not say it."""
        return {"message_id": self.stream}


@lru_cache(maxsize=_PLACES)
def _session(source: str) -> str:
    name = unquote(source).rstrip("/").replace("\\", "/").rpartition("/")[2]
    for ending in (".zst", ".jsonl", ".sse", ".chunks"):
        name = name.removesuffix(ending)
    return (name or source)[:_SESSION_CHARS]


@lru_cache(maxsize=_PLACES)
def _stream(source: str) -> str:
    return subject_of(source).replace("source/", "stream/", 1)


# --- messages -----------------------------------------------------------------------------------------------------


def _message_start(line: _Line, body: Object) -> list[Fact]:
    message, who = object_in(body, "message"), line.who
    flow: Object = {"message_id": text_in(message, "id") or line.stream}
    model = text_in(message, "model") or None
    role = text_in(message, "role") or "assistant"
    facts: list[Fact] = [
        *who.observed(model=model),
        MessageStarted(**who.fields, **flow, role=role, model=model, stream=line.stream),
    ]
    # A message that code called a tool in is whole in its start, and no delta follows.
    for index, block in enumerate(objects_in(message, "content")):
        facts += [*block_started(who, flow, index, block), BlockCompleted(**who.fields, **flow, index=index)]
    stop_reason = text_in(message, "stop_reason") or None
    if stop_reason:
        facts.append(MessageEnded(**who.fields, **flow, stop_reason=stop_reason))
    if usage := object_in(message, "usage"):
        facts.append(message_usage(who, flow, usage, model=model, is_final=stop_reason is not None))
    return facts


def _message_delta(line: _Line, body: Object) -> list[Fact]:
    who, usage = line.who, object_in(body, "usage")
    stop_reason = text_in(object_in(body, "delta"), "stop_reason") or None
    facts: list[Fact] = [MessageEnded(**who.fields, **line.flow, stop_reason=stop_reason)]
    if usage:
        facts.append(message_usage(who, line.flow, usage, model=None, is_final=True))
    return [*facts, *iterations(who, line.stream, usage)]


def _message_stop(line: _Line, body: Object) -> list[Fact]:
    return [MessageEnded(**line.who.fields, **line.flow, stopped=True)]


def _error(line: _Line, body: Object) -> list[Fact]:
    """Nothing valid follows: the message stays incomplete, with the error as its reason."""
    error = object_in(body, "error")
    kind = text_in(error, "type") or "error"
    failed = MessageEnded(**line.who.fields, **line.flow, stop_reason=kind)
    return [ErrorReported(**line.who.fields, error_type=kind, message=text_in(error, "message")), failed]


# --- blocks -------------------------------------------------------------------------------------------------------


def _block_start(line: _Line, body: Object) -> list[Fact]:
    return block_started(line.who, line.flow, _index(body), object_in(body, "content_block"))


def _block_stop(line: _Line, body: Object) -> list[Fact]:
    return [BlockCompleted(**line.who.fields, **line.flow, index=_index(body))]


def _block_delta(line: _Line, body: Object) -> list[Fact]:
    delta = object_in(body, "delta")
    name = text_in(delta, "type")
    found = _PIECES.get(name)
    if found is None:
        return line.who.unknown(f"content_block_delta/{name}")
    kind, field = found
    text = json_text(delta.get(field)) if kind == "citation" else text_in(delta, field)
    return [BlockDelta(**line.who.fields, **line.flow, index=_index(body), kind=kind, text=text)]


def _index(body: Object) -> int:
    index = number_in(body, "index")
    if index is None:
        raise ValueError("a block without an index")
    return index


_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("json", "partial_json"),
    "signature_delta": ("signature", "signature"),
    "compaction_delta": ("text", "content"),
    "citations_delta": ("citation", "citation"),
}
"""Type of a delta → (kind of the piece, where its text stands)."""

_READERS: Mapping[str, Callable[[_Line, Object], list[Fact]]] = {
    "message_start": _message_start,
    "message_delta": _message_delta,
    "message_stop": _message_stop,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "content_block_stop": _block_stop,
    "error": _error,
}
