"""`sse_lines.jsonl`: logs of instrumented Claude Code and Codex, JSON inside JSON, in all variants L1 to L7.

Event types and streams:

* Claude and Codex: the type is the row's `event` (`claude.…`, `codex.…`, `turn.…`, `response.…`, `thread.…`, `item.…`),
  outside of these families `sse_lines.<event>`; the stream is `session/<sid>`.
* Rows without a name (Claude before November 2025, L1): `claude.<payload.type>`, and `sse_lines.event_line` for the
  `event: …` row before it.
* The HTTP proxy (`url`, or a sid of 16 characters): `mitm.<event>` in `proxy/<sid>`: signs of life that never become
  part of a session.

Rows whose sid is missing, empty or `unknown` share the stream `session/unknown`; their facts have the sid "".

Keys that a projection can rely on:

* **message**: Claude's facts carry the request id wherever the row has one and then leave the flow id out, because
  older builds wrote a wrong one (E3). `MessageStarted` carries both ids: a projection keeps that map.
* **usage**: `usage_id` is the message id, as in transcripts, where the row has it (`message_start`), else the request
  id, to be looked up in the same map (`message_delta`). The rule is `replace`: the last numbers are the final ones; a
  repeated start (E8) is not final and comes with `is_final` unset. Codex: see `codex_usage`.
* **round**: Claude's `round`; Codex `turn_<turn_id>@<pid>`, else its `round`. E4, E5 and L3 need memory: projections.
* **tool call**: `tool_use_id` is Claude's `toolu_…` and Codex's `call_id`, in every record.
* **Codex messages**: every streamed item is one (see `sse_codex_stream`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec

from eventsrc.formats import sse_claude, sse_codex, sse_codex_stream
from eventsrc.formats.sse_delta import TYPE, usual_delta
from eventsrc.formats.sse_rows import (
    SENTINELS,
    Head,
    Row,
    decode_head,
    decode_row,
    is_proxy,
    mended,
    name_in,
    origin_of,
    pieces,
)
from eventsrc.formats.sse_times import instant
from eventsrc.formats.sse_who import Who, codex_who
from eventsrc.limits import NAME_CHARS, TEXT_CACHE
from eventsrc.plugin import Activity, Envelope, Event, Fact, Record, Unknown

_FAMILIES = ("claude.", "codex.", "turn.", "response.", "thread.", "item.")
_STAMP = b'"line":"data: {\\"timestamp\\":\\"'
_STAMP_AFTER = len('{"event":"') + len('","t":"2025-11-22T09:15:05.131",')  # and the name between: where it always is
_STAMP_WITHIN = 400  # bytes: the keys before `line` are short; a search through a line of megabytes would find nothing
_UUID_CHARS = 36
_SID_CHARS = 200  # a longer sid is no UUID and no key; it is treated as unknown

_types: set[str] = set()
"""Names of the families that were seen: their rows are not looked at twice."""


class SseLines:
    """The format of `sse_lines.jsonl`."""

    name: ClassVar[str] = "sse_lines"
    version: ClassVar[int] = 3
    types: ClassVar[tuple[str, ...]] = (*_FAMILIES, "sse_lines.", "mitm.")

    def recognise(self, record: Record) -> Envelope | None:
        """One struct decode that skips `line` unread; a second look only at rows that are glued, torn or nameless."""
        data = record.data
        try:
            head = decode_head(data)
        except (msgspec.DecodeError, RecursionError):
            found = _first_head(data)
            if found is None:
                return None
            head = found
        if not head.line:
            return None
        event_type = head.event
        if event_type is None or event_type not in _types:
            event_type = _type_of(head)
            if event_type is None:
                return None
        sid, stamp = head.sid, _stamp(data, head.event)
        if sid is not None and len(sid) == _UUID_CHARS and not head.url:  # nearly all
            return Envelope(event_type, f"session/{sid}", stamp)
        if is_proxy(sid, head.url):
            return Envelope(f"mitm.{event_type.removeprefix('sse_lines.')}", f"proxy/{_key(sid)}", stamp)
        return Envelope(event_type, f"session/{_key(sid)}", stamp)

    def read(self, event: Event) -> Sequence[Fact]:
        """What the row means; several rows glued on one line mean what each of them means, in order."""
        if event.data_base64 is None:
            if event.type == TYPE and (piece := usual_delta(event.data)) is not None:
                return [piece]
            return _facts(decode_row(event.data), event.type)
        facts: list[Fact] = []
        for part in pieces(event.raw):
            if part is None:
                facts.append(Unknown(what="a part of the line is torn"))
            else:
                facts += _facts(decode_row(part), event.type)
        return facts


# --- recognising --------------------------------------------------------------------------------------------------


def _key(sid: str | None) -> str:
    return "unknown" if sid is None or sid in SENTINELS or len(sid) > _SID_CHARS else sid


def _stamp(data: bytes, name: str | None) -> str | None:
    """The inner timestamp, cut out of the escaped text without decoding it; None unless it stands at its beginning.
    The quotes before it are not escaped, so the text of a message can never look like it."""
    place = _STAMP_AFTER + len(name or "")
    if not data.startswith(_STAMP, place):
        place = data.find(_STAMP, 0, _STAMP_WITHIN)
        if place < 0:
            return None
    place += len(_STAMP)
    text = data[place : place + 24].decode("latin-1")
    return text if text[-1:] == "Z" and instant(text) is not None else None


def _type_of(head: Head) -> str | None:
    """The event type of a name that is not remembered, or of a row without one; None when the row is not ours."""
    name = head.event
    if name and name.startswith(_FAMILIES) and _is_name(name):
        if len(_types) >= TEXT_CACHE:
            _types.clear()
        _types.add(name)
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
    return name if name.startswith(_FAMILIES) else f"sse_lines.{name}"


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


# --- reading ------------------------------------------------------------------------------------------------------


def _facts(row: Row, event_type: str) -> list[Fact]:
    if is_proxy(row.sid, row.url):
        return [Activity(what=event_type)]
    name = row.event or _name_of(row)
    try:
        return _read(name, row)
    except msgspec.ValidationError:  # readable, but contradicts its own type: a dead letter
        raise
    except (msgspec.DecodeError, RecursionError):
        row.line = mended(row.line)
    try:
        return _read(name, row)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return _nobody(row).unknown(f"{name}: the body is not JSON")


def _read(name: str, row: Row) -> list[Fact]:
    if name == "claude.content_block_delta":
        return sse_claude.delta(row)
    reader = _READERS.get(name[: name.find(".") + 1])
    return _unknown(name, row) if reader is None else reader(name, row)


def _name_of(row: Row) -> str:
    if row.line.startswith("event:"):
        return "sse_lines.event_line"
    return f"claude.{name_in(row.body()) or 'unknown'}"


def _nobody(row: Row) -> Who:
    """Whoever wrote a row whose name does not tell: its version does, if anything."""
    who = codex_who(row)
    who.fields["agent"] = origin_of(row).agent or ("claude_code" if (row.event or "").startswith("claude.") else "")
    return who


def _unknown(name: str, row: Row) -> list[Fact]:
    who = _nobody(row)
    return who.activity(name) if name == "sse_lines.event_line" else who.unknown(name)


_READERS: dict[str, Callable[[str, Row], list[Fact]]] = {
    "claude.": sse_claude.other,
    "codex.": sse_codex.turn,
    "turn.": sse_codex.turn,
    "response.": sse_codex_stream.response,
}
