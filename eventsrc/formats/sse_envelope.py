"""Is a record a row of `sse_lines.jsonl`, and what is its envelope? Runs once per record at ingest: one decode, which
skips the body unread."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eventsrc.formats.sse_rows import SENTINELS, Head, Row, decode_head, decode_heads, is_proxy, name_in, pieces
from eventsrc.formats.sse_times import instant
from eventsrc.limits import NAME_CHARS, TEXT_CACHE
from eventsrc.plugin import Envelope, Record

FAMILIES = ("claude.", "codex.", "turn.", "response.", "thread.", "item.")
_STAMP = b'"line":"data: {\\"timestamp\\":\\"'
_LINE = b'"line":'
_STAMP_AFTER = len('{"event":"') + len('","t":"2025-11-22T09:15:05.131",')  # and the name between: where it always is
_STAMP_WITHIN = 400  # bytes: the keys before `line` are short; a search through a line of megabytes would find nothing
_UUID_CHARS = 36
_SID_CHARS = 200  # a longer sid is no UUID and no key; it is treated as unknown

_MILLIS = {f"{milli:03}Z".encode(): f"{milli:03}Z" for milli in range(1000)}
_SECOND_BYTES = len("2025-11-22T02:15:05.")
_SECOND = len(_STAMP) + _SECOND_BYTES
_WHOLE = _SECOND + len("131Z")
_seconds: dict[bytes, str] = {}
"""What stands before a time and its second → the second, for times that were right: hundreds of rows share one."""

_places: dict[str | None, int] = {}
"""Names of the families that were seen → where a time would stand in their rows: they are not looked at twice."""

_subjects: dict[str | None, str] = {}
"""Usual sids that were seen → their streams: most rows are of few sessions."""


def recognise(record: Record) -> Envelope | None:
    """The envelope of a row; None when the record is none. A second look only at rows that are glued, torn or
    nameless."""
    data = record.data
    try:
        head = decode_head(data)
    except (msgspec.DecodeError, RecursionError):
        found = _first_head(data)
        if found is None:
            return None
        head = found
    return _envelope(head, data)


def recognise_lines(records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
    """The envelopes of records each of which is one JSON value; `lines` is their data joined by line feeds."""
    try:
        heads = decode_heads(lines)
    except msgspec.DecodeError:  # one of them is no row
        return [recognise(record) for record in records]
    envelopes: list[Envelope | None] = []
    add, places, subjects, seconds, millis = envelopes.append, _places.get, _subjects.get, _seconds.get, _MILLIS.get
    for head, record in zip(heads, records, strict=True):
        data, name = record.data, head.event
        place, subject = places(name), subjects(head.sid)
        if name is None or place is None or subject is None or head.url or not head.line:
            add(_envelope(head, data))
            continue
        second, milli = seconds(data[place : place + _SECOND]), millis(data[place + _SECOND : place + _WHOLE])
        add(Envelope(name, subject, _stamp(data, name) if second is None or milli is None else second + milli))
    return envelopes


def _envelope(head: Head, data: bytes) -> Envelope | None:
    if not head.line:
        return None
    event_type = head.event
    if event_type is None or event_type not in _places:
        event_type = _type_of(head)
        if event_type is None:
            return None
    sid, stamp = head.sid, _stamp(data, head.event)
    if is_proxy(sid, head.url):
        return Envelope(f"mitm.{event_type.removeprefix('sse_lines.')}", f"proxy/{_key(sid)}", stamp)
    return Envelope(event_type, _subject(sid), stamp)


def _subject(sid: str | None) -> str:
    subject = f"session/{_key(sid)}"
    if sid is not None and len(sid) == _UUID_CHARS:
        if len(_subjects) >= TEXT_CACHE:
            _subjects.clear()
        _subjects[sid] = subject
    return subject


def _key(sid: str | None) -> str:
    return "unknown" if sid is None or sid in SENTINELS or len(sid) > _SID_CHARS else sid


def _stamp(data: bytes, name: str | None) -> str | None:
    """The inner timestamp, cut out of the escaped text without decoding it; None unless it stands at its beginning.
    The quotes before it are not escaped, so the text of a message can never look like it."""
    place = _STAMP_AFTER + len(name or "")
    if not data.startswith(_STAMP, place):
        if data.startswith(_LINE, place):  # Codex, mostly: it stands where it always is, and begins otherwise
            return None
        place = data.find(_STAMP, 0, _STAMP_WITHIN)
        if place < 0:
            return None
    second, rest = _seconds.get(data[place : place + _SECOND]), _MILLIS.get(data[place + _SECOND : place + _WHOLE])
    if second is not None and rest is not None:
        return second + rest
    text = data[place + len(_STAMP) : place + _WHOLE].decode("latin-1")
    if rest is None or instant(text) is None:
        return None
    if len(_seconds) >= TEXT_CACHE:
        _seconds.clear()
    _seconds[data[place : place + _SECOND]] = text[:_SECOND_BYTES]
    return text


def _type_of(head: Head) -> str | None:
    """The event type of a name that is not remembered, or of a row without one; None when the row is not ours."""
    name = head.event
    if name and name.startswith(FAMILIES) and _is_name(name):
        if len(_places) >= TEXT_CACHE:
            _places.clear()
        _places[name] = _STAMP_AFTER + len(name)
        return name
    line = bytes(memoryview(head.line)[:8])
    if not line.startswith((b'"data:', b'"event:')):
        return None
    return _named(name) if name else _nameless(head, line)


def _is_name(name: str) -> bool:
    return len(name) <= NAME_CHARS and name.isprintable()


def _named(name: str) -> str:
    if not _is_name(name):
        return "sse_lines.unnamed"
    return name if name.startswith(FAMILIES) else f"sse_lines.{name}"


def _nameless(head: Head, line: bytes) -> str | None:
    """L1: pairs of rows, of which the second one holds everything."""
    if head.sid is None:
        return None
    if line.startswith(b'"event:'):
        return "sse_lines.event_line"
    try:
        text = msgspec.json.decode(head.line, type=str)
    except msgspec.DecodeError:
        return "claude.unknown"
    return _named(f"claude.{name_in(Row(line=text).body()) or 'unknown'}")


def _first_head(data: bytes) -> Head | None:
    if not data.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") or b'"line":' not in data:
        return None
    for piece in pieces(data):
        try:
            if piece is not None:
                return decode_head(piece)
        except (msgspec.DecodeError, RecursionError):
            continue
    return None
