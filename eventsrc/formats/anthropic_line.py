"""A line of a captured Messages API stream: is it one, and what does it hold?

Captures come as they were sent (`event: …`, `data: …`, with blank lines between) or as one JSON object per line. Only
the data lines hold something; an `event:` line repeats the type of the next one.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from eventsrc.formats.sse_rows import mended
from eventsrc.formats.sse_who import Object

EVENT_LINE = "event_line"
_SHAPES: dict[str, tuple[str, ...]] = {
    "message_start": ("message",),
    "content_block_start": ("index", "content_block"),
    "content_block_delta": ("index", "delta"),
    "content_block_stop": ("index",),
    "message_delta": ("delta",),
    "message_stop": (),
    "ping": (),
    "error": ("error",),
}
"""Types, with what an object of the type must have to be one."""
_IGNORED = (b":", b"id:", b"retry:")
_TORN = re.compile(rb'\{\s*"type"\s*:\s*"([a-z_]+)"')
_EVENT = re.compile(rb"event: ?([a-z_]+)\s*")


class _Head(msgspec.Struct):
    type: str = ""
    message: msgspec.Raw = msgspec.Raw()
    index: int | None = None
    content_block: msgspec.Raw = msgspec.Raw()
    delta: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    session_id: Any = msgspec.field(default=None, name="sessionId")
    uuid: Any = None
    payload: msgspec.Raw = msgspec.Raw()


_decode_head = msgspec.json.Decoder(_Head).decode


def kind_of(data: bytes, *, in_capture: bool = False) -> str | None:
    """The type of a line, `event_line` for what surrounds the data, None for what is no line of such a stream.
    `in_capture`: the file is one, so fields and comments that say nothing are its, too."""
    if in_capture and data.startswith(_IGNORED):
        return EVENT_LINE
    if data.startswith(b"event:"):
        found = _EVENT.fullmatch(data)
        return EVENT_LINE if found and found[1].decode() in _SHAPES else None
    body = data.removeprefix(b"data:").strip()
    if not body.startswith(b"{"):
        return None
    try:
        head = _decode_head(body)
    except (msgspec.DecodeError, RecursionError):
        return _torn(body) if body is not data and data.startswith(b"data:") else None
    shape = _SHAPES.get(head.type)
    if shape is None or head.session_id is not None or head.uuid is not None or head.payload:
        return None
    return head.type if all(_has(head, name) for name in shape) else None


def body_of(data: bytes) -> Object | None:
    """The object of a data line; None when it is none, or torn. Lone surrogates in it become U+FFFD."""
    text = data.decode("utf-8", "replace").removeprefix("data:").strip()
    for tried in (text, mended(text)):
        try:
            value = msgspec.json.decode(tried)
        except (msgspec.DecodeError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def _has(head: _Head, name: str) -> bool:
    value = getattr(head, name)
    return value is not None if name == "index" else bytes(memoryview(value)[:1]) == b"{"


def _torn(body: bytes) -> str | None:
    """The type of an object that was cut: a capture of a connection that broke."""
    found = _TORN.match(body)
    name = found[1].decode() if found else ""
    return name if name in _SHAPES else None
