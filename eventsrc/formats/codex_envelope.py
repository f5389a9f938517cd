"""Is a record a line of a Codex rollout, and what is its envelope? Runs once per record at ingest: one decode, which
leaves the payload unread but for its type."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from eventsrc.formats.catalogue import subject_of
from eventsrc.formats.claude_envelope import rfc3339
from eventsrc.formats.claude_line import split
from eventsrc.formats.codex_place import place_of
from eventsrc.limits import ID_CHARS
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


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_payload = msgspec.json.Decoder(_Payload).decode


def recognise(record: Record) -> Envelope | None:
    """`codex_rollout.<type>[.<payload type>]`, the thread as the session, the line's own time; None when it is no line
    of a rollout. In a file that is named like one every line is, also a damaged one. Never raises."""
    place = place_of(record.source)
    head = _head(record.data)
    if not place.is_rollout and not (head.type in LINE_TYPES and bytes(memoryview(head.payload)[:1]) == b"{"):
        return None
    subject = f"session/{place.thread[:_SESSION_CHARS]}" if place.thread else subject_of(record.source)
    return Envelope(PREFIX + _kind(head), subject, rfc3339(head.timestamp))


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
    kind = head.type if isinstance(head.type, str) and _NAME.fullmatch(head.type) else "unknown"
    detail = None
    if head.payload and kind in LINE_TYPES:
        try:
            detail = _decode_payload(head.payload).type
        except (msgspec.DecodeError, RecursionError):  # a payload that is no object
            return kind
    return f"{kind}.{detail}" if isinstance(detail, str) and _NAME.fullmatch(detail) else kind
