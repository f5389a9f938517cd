"""The frames of one ZeroMQ message → a record. Pure.

One frame is the payload; of several the first is the topic and the second the payload. Nothing is lost: a topic that
is no text, and frames beyond the second, travel as base64 in attributes of the event.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from eventsrc.event import Cursor, Envelope, Record
from eventsrc.limits import ID_CHARS, RECORD_BYTES, RECORD_HEAD_BYTES, ZMQ_EXTRA_BYTES, ZMQ_FRAMES

Attributes: TypeAlias = dict[str, str | int | bool]

REFUSED = "eventsrc.zmq.refused"


def uri(socket: str, endpoint: str) -> str:
    """CloudEvents `source` of a socket: (`sub`, `tcp://127.0.0.1:5556`) → `zmq+sub://127.0.0.1:5556`."""
    scheme, _, rest = endpoint.partition("://")
    return f"zmq+{socket}{'' if scheme == 'tcp' else '+' + scheme}://{rest}"


def record_of(frames: Sequence[bytes], source: str, id_: str, cursor: Cursor | None = None) -> Record:
    """The record of one message: the payload as received, the topic as attribute `topic` (`topicbase64` when it is no
    printable text), further frames as `frame2`, `frame3` … in base64. A stub that says why where that is too much."""
    payload = payload_of(frames)
    extra = sum(map(len, frames)) - len(payload)
    if len(payload) > RECORD_BYTES:
        return stub(frames, source, id_, f"the payload is larger than {RECORD_BYTES} bytes")
    if extra > ZMQ_EXTRA_BYTES or len(frames) > ZMQ_FRAMES:
        return stub(frames, source, id_, f"there is more beside the payload than {ZMQ_EXTRA_BYTES} bytes in few frames")
    return Record(source, payload, id_, cursor, extensions=_attributes(frames) or None)


def payload_of(frames: Sequence[bytes]) -> bytes:
    """The frame that holds what an agent said."""
    return frames[min(1, len(frames) - 1)]


def stub(frames: Sequence[bytes], source: str, id_: str, reason: str) -> Record:
    """What is kept of a message that is too large: its head, its size, its hash, and the reason."""
    payload = payload_of(frames)
    return told(
        source,
        id_,
        REFUSED,
        reason=reason,
        frames=len(frames),
        bytes=len(payload),
        sha256=hashlib.sha256(payload).hexdigest(),
        head_base64=base64.b64encode(payload[:RECORD_HEAD_BYTES]).decode(),
        topic_base64=base64.b64encode(frames[0][:ID_CHARS]).decode() if len(frames) > 1 else None,
    )


def told(source: str, id_: str, kind: str, **facts: str | int | None) -> Record:
    """A record of our own about a socket (law L9): `eventsrc.zmq.connected`, `.disconnected`, `.gap` …"""
    return Record(source, msgspec.json.encode(facts), id_, envelope=Envelope(kind, f"source/{source}"))


def _attributes(frames: Sequence[bytes]) -> Attributes:
    if len(frames) == 1:
        return {}
    found = _topic(frames[0])
    for number, frame in enumerate(frames[2:], 2):
        found[f"frame{number}"] = base64.b64encode(frame).decode()
    return found


def _topic(frame: bytes) -> Attributes:
    try:
        text = frame.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() and len(text) <= ID_CHARS:
        return {"topic": text}
    return {"topicbase64": base64.b64encode(frame).decode()}
