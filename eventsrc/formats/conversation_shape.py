"""The shapes in which messages between agents arrive, and the one into which all of them are read.

    wrapped   {"event_type": "sent" | "received", "agent", "timestamp", "message": {…}}   an agent tells what it did
    flat      {"message_id", "sender_id", "context_id", "content", "metadata"}            scripts
    agent     {"message_id", "from", "to", "type", "content"}                             on the wire
    recorded  {"Id", "SpeakerName", "Message", …}                                         what another recorder wrote

They are tried in this order. Pure; whatever else the values turn out to be, nothing here raises.
"""

from __future__ import annotations

from typing import Any

import msgspec

from eventsrc.formats.sse_rows import mended

Object = dict[str, Any]
OBSERVATIONS = ("sent", "received")
_RECORDED = frozenset(
    ("Id", "Timestamp", "SpeakerName", "SpeakerRole", "Message", "ConversationType", "ContextId", "Metadata")
)
_NO_CONTEXT = ("", "unknown")  # recorders write `unknown` where a message names no context


class Shaped(msgspec.Struct, frozen=True):
    """A record in one shape, its fields under one name each; "" where the record does not say."""

    shape: str
    message_id: str = ""
    sender: str = ""
    recipient: str = ""
    kind: str = ""
    priority: str = ""
    topic: str = ""
    role: str = ""
    context_id: str = ""
    written: object = None
    """The writer's time, as it stands there."""
    text: str = ""
    is_text_json: bool = False
    content: str = ""
    metadata: str = ""
    observed: str = ""
    observer: str = ""
    observed_written: object = None
    extras: str = ""

    @property
    def refusal(self) -> str:
        """Why this is no message; "" when it is one. What has neither text nor sender is first of all empty."""
        if not self.text.strip():
            return "empty"
        return "" if self.sender else "no sender"


def shaped(value: object, *, mesh: bool) -> Shaped | None:
    """The record in its shape; None when it has none. `mesh`: it came over the agents' own wire, where nothing else
    does, so that less of a shape is enough."""
    if not isinstance(value, dict):
        return None
    message = value.get("message")
    if value.get("event_type") in OBSERVATIONS and isinstance(message, dict):
        return _wrapped(value, message)
    if _is_flat(value, mesh):
        return _plain("flat", value)
    if "from" in value and "content" in value and (mesh or "to" in value or "message_id" in value):
        return _plain("agent", value)
    if "SpeakerName" in value and "Message" in value:
        return _recorded(value)
    return None


def decoded(data: bytes) -> object:
    """A JSON value; None when the bytes are none. Broken UTF-8 and lone surrogates are mended, for reading only."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return msgspec.json.decode(mended(data.decode("utf-8", "replace").removeprefix("\ufeff")))
    except (msgspec.DecodeError, RecursionError):
        return None


def _is_flat(value: Object, mesh: bool) -> bool:
    """`metadata` is a common word: outside of the mesh a record needs more in common with a message."""
    if isinstance(value.get("sender_id"), str):
        return mesh or "content" in value or "message_id" in value
    named = mesh or ("content" in value and ("message_id" in value or "from" in value))
    return named and isinstance(value.get("metadata"), dict)


def _wrapped(outer: Object, message: Object) -> Shaped:
    inner = _plain("wrapped", message)
    agent = _text(outer, "agent")
    is_sent = outer["event_type"] == "sent"
    return msgspec.structs.replace(
        inner,
        sender=inner.sender or (agent if is_sent else ""),
        recipient=inner.recipient or ("" if is_sent else agent),
        written=inner.written if inner.written is not None else outer.get("timestamp"),
        observed=outer["event_type"],
        observer=agent,
        observed_written=outer.get("timestamp"),
    )


def _plain(shape: str, value: Object) -> Shaped:
    """Agent and flat messages; what one of them lacks is simply not there."""
    text, is_json = _said(value.get("content"))
    metadata = value.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    return Shaped(
        shape=shape,
        message_id=_text(value, "message_id"),
        sender=_text(value, "sender_id") or _text(value, "from"),
        recipient=_text(value, "to"),
        kind=_text(value, "type"),
        priority=_text(value, "priority"),
        topic=_text(value, "topic"),
        role=_text(own, "sender_role"),
        context_id=_context(value, "context_id"),
        written=value.get("timestamp"),
        text=text,
        is_text_json=is_json,
        content=_json(value["content"]) if isinstance(value.get("content"), dict) else "",
        metadata=_json(own) if own else "",
    )


def _recorded(value: Object) -> Shaped:
    content = _inner(value["Message"])
    text, is_json = _said(content)
    metadata = value.get("Metadata")
    own = metadata if isinstance(metadata, dict) else {}
    extras = {key: item for key, item in value.items() if key not in _RECORDED}
    return Shaped(
        shape="recorded",
        message_id=_text(value, "Id"),
        sender=_text(value, "SpeakerName"),
        topic=_text(own, "topic"),
        role=_text(value, "SpeakerRole"),
        context_id=_context(value, "ContextId"),
        written=value.get("Timestamp"),
        text=text,
        is_text_json=is_json,
        content=_json(content) if isinstance(content, dict) else "",
        metadata=_json(own) if own else "",
        extras=_json(extras) if extras else "",
    )


def _inner(message: object) -> object:
    """The content in a recorded `Message`: JSON inside JSON, unless it is simply a text."""
    if not isinstance(message, str):
        return message
    if not message.lstrip().startswith("{"):
        return message
    content = decoded(message.encode("utf-8", "replace"))
    return content if isinstance(content, dict) else message


def _said(content: object) -> tuple[str, bool]:
    """The text of a content, and whether it is JSON for want of a text."""
    said = content.get("message") if isinstance(content, dict) else content
    if isinstance(said, str):
        return said, False
    if said is None or (isinstance(said, dict | list) and not said):
        return "", False
    return _json(said), True


def _context(value: Object, key: str) -> str:
    context = _text(value, key)
    return "" if context in _NO_CONTEXT else context


def _text(value: Object, key: str) -> str:
    """A name is a text; numbers are taken for names too."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found.strip() if isinstance(found, str) else ""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
