"""The fields of a transcript line that carry meaning, decoded once and tolerant of drift.

Lines are decoded straight into structs, which skips what nobody reads (a line of 1 MB is mostly a copy of a file). A
line that contradicts a struct is salvaged: every field that fits is kept, every other one counts as missing, because
every drift seen so far added or retyped a field and none moved one.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, field

from eventsrc.plugin import Event

S = TypeVar("S", bound=Struct)


class Cache(Struct, gc=False):
    """Cache writes by lifetime; builds differ in whether they also give the sum."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(Struct, gc=False):
    """Parts of the output tokens, which include them."""

    thinking_tokens: int | None = None


class Usage(Struct, gc=False):
    """Tokens of one API response, as repeated on each of its lines."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: Cache | None = None
    output_tokens_details: OutputDetails | None = None


class Block(Struct, gc=False):
    """One content block; `type` is open-ended, the other fields depend on it."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = Raw()
    tool_use_id: str | None = None
    content: Raw = Raw()
    is_error: bool | None = None
    source: Raw = Raw()


class Message(Struct, gc=False):
    """What the API was sent or answered."""

    id: str | None = None
    role: str | None = None
    model: str | None = None
    content: str | list[Block] | None = None
    stop_reason: str | None = None
    usage: Usage | None = None


class Spent(Struct, gc=False):
    """The part of a sub-agent's message that its parent's progress records are read for."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: Usage | None = None


class Copy(Struct, rename="camel", gc=False):
    """A sub-agent's line, copied into a progress record of its parent."""

    message: Spent | None = None
    uuid: str | None = None
    timestamp: Any = None
    request_id: str | None = None


class Progress(Struct, rename="camel", gc=False):
    """What a running tool shows of itself; of a sub-agent, the message it has just got or written."""

    type: str = ""
    message: Copy | None = None
    agent_id: str | None = None


class Line(Struct, rename="camel", gc=False):
    """One transcript line: the envelope of every type, and the bodies of the frequent ones."""

    type: str | None = None
    subtype: str | None = None
    uuid: str | None = None
    session_id: str | None = None
    timestamp: Any = None
    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    entrypoint: str | None = None
    slug: str | None = None
    team_name: str | None = None
    is_sidechain: bool | None = None
    agent_id: str | None = None
    prompt_id: str | None = None
    request_id: str | None = None
    message: Message | None = None
    data: Progress | None = None
    tool_use_result: Raw = Raw()
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_visible_in_transcript_only: bool | None = None
    interrupted_by_shutdown: bool | None = None
    tool_denial_kind: str | None = None
    tool_ends_turn: bool | None = None
    is_api_error_message: bool | None = None
    error: Raw = Raw()
    parent_tool_use_id: str | None = field(default=None, name="parentToolUseID")
    cost: Any = field(default=None, name="costUSD")


_LINE = msgspec.json.Decoder(Line)
_SCANNER = json.JSONDecoder(parse_constant=lambda _: None)


def decode_line(data: bytes | Raw) -> Line:
    """The record of an event that is one JSON value; ValueError when that is no object."""
    return decode_as(_LINE, Line, data)


def glued_lines(event: Event) -> tuple[list[tuple[Line, bytes]], bool]:
    """The records of an event that is no JSON value, each with its own bytes, and whether all of the event was read.

    The writer now and then glued several (`}{`). ValueError when there is none.
    """
    objects, whole = split(event.raw)
    if not objects:
        raise ValueError("no JSON object in the record")
    return [(decode_line(data), data) for data in objects], whole


def decode_as(decoder: msgspec.json.Decoder[S], kind: type[S], data: bytes | Raw) -> S:
    """Decodes an object, field by field where it does not fit as a whole; ValueError when it is no JSON object."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        return _salvage(kind, decode_object(data))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def decode_object(data: bytes | Raw) -> dict[str, Any]:
    """A rare record as a dictionary; ValueError when it is no JSON object."""
    value = msgspec.json.decode(data)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def split(data: bytes) -> tuple[list[bytes], bool]:
    """JSON objects that follow each other without a line feed, and whether nothing was left over.

    Bytes that are not UTF-8 and escapes that are not characters are replaced here, and only here: the event keeps them.
    """
    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    objects: list[bytes] = []
    at = _skip_blanks(text, 0)
    while at < len(text):
        try:
            value, at = _SCANNER.raw_decode(text, at)
            if not isinstance(value, dict):
                return objects, False
            objects.append(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return objects, False
        at = _skip_blanks(text, at)
    return objects, True


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _salvage(kind: type[S], value: dict[str, Any]) -> S:
    kept = {}
    for known in msgspec.structs.fields(kind):
        if known.encode_name in value:
            try:
                kept[known.name] = _fit(value[known.encode_name], known.type)
            except msgspec.ValidationError:
                continue
    return kind(**kept)


def _fit(value: Any, kind: Any) -> Any:
    """The value as the field's type, salvaging the structs inside it."""
    if kind is Raw:
        return Raw(msgspec.json.encode(value))
    for choice in (kind, *get_args(kind)):
        if isinstance(choice, type) and issubclass(choice, Struct) and isinstance(value, dict):
            return _salvage(choice, value)
        if get_origin(choice) is list and isinstance(value, list):
            (item,) = get_args(choice)
            return [_salvage(item, each) for each in value if isinstance(each, dict)]
    return msgspec.convert(value, kind)
