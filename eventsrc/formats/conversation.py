"""Messages between agents: from their wire (ZeroMQ), pushed, or as another recorder wrote them into a file.

Event types: `conversation.sent` and `conversation.received` (an agent tells what it did), `conversation.message`,
`conversation.recorded` (an import), and `conversation.rejected` for what has the shape of a message without a text or a
sender, and for anything else that came over the wire: kept, counted, and never a message.

Streams: `conversation/<context>`; without one, `conversation/<a>,<b>` of the two who talk, so that both directions and
both observations of a message are in one. The facts depend on the data alone, whatever a producer calls the type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from eventsrc.formats.conversation_shape import Shaped, decoded, shaped
from eventsrc.formats.conversation_time import When, beside, when
from eventsrc.limits import ID_CHARS
from eventsrc.plugin import Envelope, Event, Fact, MessageExchanged, MessageRefused, Record, format_time

TYPE = "conversation."
REJECTED = "conversation.rejected"
WIRE = "zmq"
"""How the sources begin that carry nothing but messages."""
_WORDS = (b'"event_type"', b'"sender_id"', b'"metadata"', b'"from"', b'"SpeakerName"')


class _Head(msgspec.Struct, gc=False, rename={"sender": "from", "speaker": "SpeakerName", "recorded": "Message"}):
    """What tells at a glance that a record cannot be one; everything is skipped unread."""

    event_type: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()
    sender_id: msgspec.Raw = msgspec.Raw()
    metadata: msgspec.Raw = msgspec.Raw()
    content: msgspec.Raw = msgspec.Raw()
    message_id: msgspec.Raw = msgspec.Raw()
    sender: msgspec.Raw = msgspec.Raw()
    speaker: msgspec.Raw = msgspec.Raw()
    recorded: msgspec.Raw = msgspec.Raw()


_head = msgspec.json.Decoder(_Head).decode


class Conversation:
    """The format of messages between agents."""

    name: ClassVar[str] = "conversation"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (TYPE,)

    def recognise(self, record: Record) -> Envelope | None:
        """None outside of the wire for whatever has not the shape of a message."""
        mesh = record.source.startswith(WIRE)
        if not mesh and not _may_be(record.data):
            return None
        found = shaped(decoded(record.data), mesh=mesh)
        if found is None:
            return Envelope(REJECTED, f"{TYPE[:-1]}/rejected") if mesh else None
        stamp = when(found.written, found.message_id)
        known = stamp.time is not None and stamp.tz_source != "unknown"
        return Envelope(_type(found), _subject(found), format_time(stamp.time) if known and stamp.time else None)

    def read(self, event: Event) -> Sequence[Fact]:
        """One message, or why there is none."""
        value = decoded(event.raw)
        found = shaped(value, mesh=True)
        if found is None:
            return [MessageRefused(reason="not JSON" if value is None else "no shape")]
        stamp = when(found.written, found.message_id)
        if found.refusal:
            return [_refused(found, stamp)]
        return [_exchanged(found, stamp, event.topic if isinstance(event.topic, str) else "")]


def _may_be(data: bytes) -> bool:
    """One look at the keys of the object; most records of other producers end here."""
    if not any(word in data for word in _WORDS):
        return False
    try:
        head = _head(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return True  # broken UTF-8, a byte order mark, or no JSON at all: the second look tells
    if head.event_type and head.message:
        return bytes(head.event_type) in (b'"sent"', b'"received"')
    return bool(head.sender_id or (head.content and (head.metadata or head.sender)) or (head.speaker and head.recorded))


def _type(found: Shaped) -> str:
    if found.refusal:
        return REJECTED
    return TYPE + (found.observed or ("recorded" if found.shape == "recorded" else "message"))


def _subject(found: Shaped) -> str:
    pair = ",".join(sorted({found.sender, found.recipient} - {""}))
    name = found.context_id or pair or "nobody"
    subject = f"conversation/{name}"
    return subject if len(subject) <= ID_CHARS else f"conversation/{hashlib.sha256(name.encode()).hexdigest()}"


def _exchanged(found: Shaped, stamp: When, topic: str) -> MessageExchanged:
    return MessageExchanged(
        message_id=found.message_id,
        sender=found.sender,
        time=stamp.time,
        written_time=stamp.written,
        key=key_of(found.message_id or stamp.written, found.sender, found.text),
        text=found.text,
        recipient=found.recipient,
        kind=found.kind,
        priority=found.priority,
        topic=topic or found.topic,
        role=found.role,
        context_id=found.context_id,
        content=found.content,
        metadata=found.metadata,
        observed=found.observed,
        observer=found.observer,
        observed_time=beside(found.observed_written, stamp),
        tz_source=stamp.tz_source,
        shape=found.shape,
        is_text_json=found.is_text_json,
        extras=found.extras,
    )


def _refused(found: Shaped, stamp: When) -> MessageRefused:
    return MessageRefused(
        message_id=found.message_id,
        sender=found.sender,
        time=stamp.time,
        written_time=stamp.written,
        reason=found.refusal,
        shape=found.shape,
        context_id=found.context_id,
        metadata=found.metadata,
        extras=found.extras,
    )


def key_of(message_id: str, sender: str, text: str) -> str:
    """Identity of a message, 32 hex digits. Lengths go in, so that no two different triples are spelt alike."""
    parts = f"{len(message_id)},{len(sender)}\0{message_id}\0{sender}\0{text}"
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:32]
