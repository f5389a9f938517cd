"""Is a record a line of a Codex rollout, and what is its envelope? Runs once per record at ingest: one decode, which
leaves the payload unread but for its type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from eventsrc.formats.catalogue import subject_of
from eventsrc.formats.claude_envelope import rfc3339
from eventsrc.formats.claude_line import split
from eventsrc.formats.codex_place import place_of
from eventsrc.limits import ID_CHARS, TEXT_CACHE
from eventsrc.plugin import Envelope, Record

PREFIX = "codex_rollout."
LINE_TYPES = frozenset(
    {
        "session_meta",
        "turn_context",
        "response_item",
        "event_msg",
        "compacted",
        "world_state",
        "inter_agent_communication",
        "inter_agent_communication_metadata",
        "token_usage_record",
        "security_risk_score",
        "retained_context",
        "realtime_item",
    }
)
"""What rollouts are made of. In a file that is named like one, other types are taken for new ones."""

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_SESSION_CHARS = ID_CHARS - len("session/")


class _Head(Struct):
    timestamp: Any = None
    type: Any = None
    payload: Raw = Raw()


class _Payload(Struct):
    type: Any = None


class _UsualPayload(Struct, gc=False):
    type: str | None = None


class _UsualHead(Struct, gc=False):
    """The same for lines as they nearly always are: in one decode."""

    timestamp: str | None = None
    type: str | None = None
    payload: _UsualPayload | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_payload = msgspec.json.Decoder(_Payload).decode
_decode_usual = msgspec.json.Decoder(_UsualHead).decode_lines
_types: dict[tuple[str | None, str | None], str] = {}
"""(type of a line, type of its payload) → event type."""


def recognise(record: Record) -> Envelope | None:
    """`codex_rollout.<type>[.<payload type>]`, the thread as the session, the line's own time; None when it is no line
    of a rollout. In a file that is named like one every line is, also a damaged one. Never raises."""
    place = place_of(record.source)
    head = _head(record.data)
    if not place.is_rollout and not (str(head.type) in LINE_TYPES and bytes(memoryview(head.payload)[:1]) == b"{"):
        return None
    return Envelope(PREFIX + _kind(head), _subject(record.source), rfc3339(head.timestamp))


def recognise_lines(records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
    """The envelopes of records of one source, each of which is one JSON value; `lines` is their data joined by line
    feeds."""
    try:
        heads = _decode_usual(lines)
    except msgspec.DecodeError:  # one of them is unusual
        return [recognise(record) for record in records]
    source = records[0].source
    is_rollout, subject = place_of(source).is_rollout, _subject(source)
    envelopes: list[Envelope | None] = []
    for head in heads:
        payload = head.payload
        if not is_rollout and (payload is None or head.type not in LINE_TYPES):
            envelopes.append(None)
            continue
        key = (head.type, None if payload is None else payload.type)
        envelopes.append(Envelope(_types.get(key) or _type_of(*key), subject, rfc3339(head.timestamp)))
    return envelopes


def _type_of(kind: str | None, detail: str | None) -> str:
    """Remembered where all of it is part of the event type, so that no key is longer than that."""
    event_type = PREFIX + _dotted(kind, detail)
    if event_type == (f"{PREFIX}{kind}.{detail}" if detail else f"{PREFIX}{kind}"):
        if len(_types) >= TEXT_CACHE:
            _types.clear()
        _types[kind, detail] = event_type
    return event_type


def _subject(source: str) -> str:
    thread = place_of(source).thread
    return f"session/{thread[:_SESSION_CHARS]}" if thread else subject_of(source)


def _head(data: bytes) -> _Head:
    """What tells the type; of lines that were glued or damaged, of the first that is whole."""
    try:
        return _decode_head(data)
    except (msgspec.DecodeError, RecursionError):
        if b'"payload"' not in data:  # not worth the slow way
            return _Head()
    objects, _ = split(data)
    return _decode_head(objects[0]) if objects else _Head()


def _kind(head: _Head) -> str:
    detail = None
    if head.payload and isinstance(head.type, str) and head.type in LINE_TYPES:
        try:
            detail = _decode_payload(head.payload).type
        except (msgspec.DecodeError, RecursionError):  # a payload that is no object
            return head.type
    return _dotted(head.type, detail)


def _dotted(kind: Any, detail: Any) -> str:
    """The event type without its prefix; details are told of known types only."""
    if not isinstance(kind, str) or not _NAME.fullmatch(kind):
        return "unknown"
    told = kind in LINE_TYPES and isinstance(detail, str) and _NAME.fullmatch(detail)
    return f"{kind}.{detail}" if told else kind
