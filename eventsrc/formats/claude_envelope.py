"""Is a record a line of Claude Code, and what is its envelope? Runs once per record at ingest: one decode."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from eventsrc.formats.catalogue import subject_of
from eventsrc.formats.claude_line import decode_as, split
from eventsrc.formats.claude_place import place_of
from eventsrc.formats.sse_times import instant, millis, seconds
from eventsrc.limits import ID_CHARS, TEXT_CACHE
from eventsrc.plugin import Envelope, Record, format_time, parse_time

PREFIX = "claude_code."

_TALK = {"user", "assistant"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MINUTE, _MILLIS = len("2026-01-10T10:00:"), len("2026-01-10T10:00:02.")
_minutes: set[str] = set()
"""Beginnings of times that were right: records of one minute share them."""
_talk: dict[tuple[str | None, str | None], tuple[str, str]] = {}
"""(`user` or `assistant`, session) → event type and subject: nearly all lines of a file are of these two."""
_SESSION_CHARS = ID_CHARS - len("session/")
_NEVER_BEFORE = 1e11  # milliseconds since the epoch are above this, seconds below: both were written in history files


class _Kind(Struct, gc=False):
    type: str | None = None


class Head(Struct, rename="camel", gc=False):
    """What tells a line of Claude Code from everyone else's, and the envelope from its body."""

    type: str | None = None
    subtype: str | None = None
    session_id: str | None = None
    uuid: str | None = None
    timestamp: Any = None
    data: _Kind | None = None
    attachment: _Kind | None = None
    message: Raw = Raw()
    cost: Any = field(default=None, name="costUSD")
    leaf_uuid: str | None = None
    snapshot: Raw = Raw()
    key: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    display: str | None = None
    pasted_contents: Raw = Raw()
    payload: Raw = Raw()
    """Codex and the instrumented streams wrap their bodies in one; a transcript never does."""


_HEAD = msgspec.json.Decoder(Head)


def recognise(record: Record) -> Envelope | None:
    """The envelope of a transcript line, a sub-agent's description, a workflow journal line or a typed prompt of the
    history; None when it is none of these. Never raises."""
    head = _head(record.data)
    return None if head is None else _envelope(head, record.source)


def recognise_lines(records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
    """The envelopes of records each of which is one JSON value; `lines` is their data joined by line feeds."""
    try:
        heads = _HEAD.decode_lines(lines)
    except msgspec.DecodeError:  # a line that contradicts `Head` is salvaged on its own
        return [recognise(record) for record in records]
    return [_envelope(head, record.source) for head, record in zip(heads, records, strict=True)]


def _envelope(head: Head, source: str) -> Envelope | None:
    known = _talk.get((head.type, head.session_id))
    if known is not None and head.message and not head.payload and head.subtype is None:
        return Envelope(known[0], known[1], rfc3339(head.timestamp))
    kind = _kind(head)
    if kind is None:
        return None
    event_type, subject = PREFIX + kind, _subject(head, kind, source)
    if kind in _TALK and head.session_id and len(head.session_id) <= _SESSION_CHARS:  # a longer one is cut
        if len(_talk) >= TEXT_CACHE:
            _talk.clear()
        _talk[kind, head.session_id] = (event_type, subject)
    return Envelope(event_type, subject, rfc3339(head.timestamp))


def rfc3339(timestamp: Any) -> str | None:
    """The producer's time as it wrote it, or from milliseconds since the epoch; None when it is no time."""
    if isinstance(timestamp, str):
        minute = timestamp[:_MINUTE]
        if minute in _minutes and timestamp[_MINUTE:_MILLIS] in seconds and timestamp[_MILLIS:] in millis:
            return timestamp
        if not _TIME.fullmatch(timestamp) or parse_time(timestamp) is None:
            return None
        if len(_minutes) >= TEXT_CACHE:
            _minutes.clear()
        _minutes.add(minute)
        return timestamp
    moment = seconds_of(timestamp)
    return None if moment is None else format_time(moment)


def seconds_of(timestamp: Any) -> float | None:
    """Seconds since the epoch from a time as any build wrote it; None when it is no time."""
    if isinstance(timestamp, str):
        return instant(timestamp)
    if isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool) and 0 < timestamp < 1e14:
        return timestamp / 1000 if timestamp > _NEVER_BEFORE else float(timestamp)
    return None


def session_of(head_session: str | None, kind: str, source: str) -> str:
    """The session that a record belongs to; "" when neither the record nor the name of its file tells.

    Conversation lines of odd sources lack the id: there, and only there, any file name counts as a session.
    """
    if head_session:
        return head_session
    place = place_of(source)
    if kind in _TALK:
        return place.session or place.stem
    return place.session


def _head(data: bytes) -> Head | None:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start and not start.startswith(b"{"):
        return None
    try:
        return decode_as(_HEAD, Head, data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    if b'"sessionId"' not in data and b'"uuid"' not in data:  # glued or damaged, but not worth the slow way
        return None
    objects, _ = split(data)
    return decode_as(_HEAD, Head, objects[0]) if objects else None


def _kind(head: Head) -> str | None:
    """The event type without its prefix."""
    if head.payload:
        return None
    if head.type is None:
        return _kind_without_type(head)
    known = bool(head.session_id or head.uuid)
    if head.type in _TALK:
        claimed = bool(head.message) and (known or head.timestamp is not None)
    elif head.type == "summary":
        claimed = bool(head.leaf_uuid) or known
    elif head.type == "file-history-snapshot":
        claimed = bool(head.snapshot) or known
    elif head.type in {"started", "result"} and head.key and head.agent_id and not known:
        return "journal"
    elif head.type == "attachment":
        claimed = head.attachment is not None
    else:
        claimed = bool(head.session_id)
    return _dotted(head) if claimed else None


def _kind_without_type(head: Head) -> str | None:
    if head.cost is not None and head.message:
        return "assistant"  # the earliest builds wrote nothing else
    if head.agent_type is not None and not head.session_id:
        return "agent_meta"
    if head.display is not None and (head.pasted_contents or head.session_id) and head.timestamp is not None:
        return "history"
    return None


def _dotted(head: Head) -> str:
    kind = head.type if head.type and _NAME.fullmatch(head.type) else "unknown"
    inner = head.data if kind == "progress" else head.attachment if kind == "attachment" else None
    detail = head.subtype if inner is None else inner.type
    return f"{kind}.{detail}" if detail and _NAME.fullmatch(detail) else kind


def _subject(head: Head, kind: str, source: str) -> str:
    session = session_of(head.session_id, kind, source)
    if not session:
        return subject_of(source)
    return f"session/{session[:_SESSION_CHARS]}"
