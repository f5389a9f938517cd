"""The life of what is recorded: Record → Draft → Event. Values only; no I/O, no clock.

* A **record** is what a source handed over, bytes unread.
* A **draft** is a record whose envelope is filled in; it has no position yet.
* An **event** is in the log: it has a position and never changes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar, overload

import msgspec

Position: TypeAlias = int
"""An event's place in the log: 1, 2, 3 … without gaps. 0 means "before the first event"."""

Cursor: TypeAlias = str
"""A place in a source, written by that source and opaque to everyone else. It travels inside the event."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What a format says about a record: the CloudEvents attributes that can be read off it."""

    type: str
    """CloudEvents `type`, e.g. `claude.content_block_delta`."""
    subject: str
    """The stream: what the record is about, e.g. `session/<sid>`. Never empty."""
    time: str | None = None
    """When the producer says that it happened, RFC 3339 with zone; None when the record does not tell."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """What a source handed over, as received."""

    source: str
    """CloudEvents `source`, a URI reference, e.g. `file:///home/dev/log/sse_lines.jsonl`."""
    data: bytes
    """The bytes as received, without the line feed that ended a line."""
    id: str
    """CloudEvents `id`, unique within `source`."""
    cursor: Cursor | None = None
    """Where the source goes on after this record; None when the source cannot be read again."""
    envelope: Envelope | None = None
    """Set when the producer gave it (a pushed CloudEvent); else a format fills it in."""
    content_type: str = "application/json"
    unique: bool = False
    """True when (source, id) must be looked up: the producer may send it again. File records need no look-up."""
    extensions: dict[str, str | int | bool] | None = None
    """Further CloudEvents attributes that the producer gave; names are lower-case letters and digits."""
    time: str | None = None
    """When the source got it, RFC 3339, where that was long before it could be handed over; formats give it to records
    that have no time of their own."""


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A record ready for the log. Made by `eventsrc.log.draft`; the fields are the log's own business."""

    source: str
    id: str
    subject: str
    head: bytes
    """Encoded JSON members from `"id"` to the last attribute, and the name of the data member with its colon."""
    data: bytes
    """The value of the data member: JSON as received, or a string in base64."""
    cursor: Cursor | None
    unique: bool


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename={"data": "data"}):
    """A record that has a position in the log; immutable. Field names are the CloudEvents attribute names."""

    sequence: str
    id: str
    source: str
    type: str
    subject: str
    revision: int
    """The event's number within its stream: 1, 2, 3 …"""
    recordedtime: str
    """When the log accepted it, RFC 3339 UTC."""
    time: str | None = None
    """When the producer says it happened."""
    datacontenttype: str = "application/json"
    cursor: Cursor | None = None
    data: msgspec.Raw = msgspec.Raw()
    """The JSON value as received, unread (empty when the record is not JSON)."""
    data_base64: str | None = None
    """The bytes, when they are not one JSON value in UTF-8."""
    ending: str | None = None
    """Bytes between the JSON value and the line feed in a line-oriented source, e.g. a carriage return."""
    traceparent: str | None = None
    topic: str | int | bool | None = None
    """What the transport called the message's topic, where it has topics; any producer may set it to anything."""
    unique: bool = False
    """True when (source, id) is remembered, so that the producer may send it again."""
    batchindex: int = 0
    batchsize: int = 1
    crc32: str = ""

    @property
    def position(self) -> Position:
        return int(self.sequence)

    @property
    def raw(self) -> bytes:
        """The record as it was received, byte for byte (law L10)."""
        if self.data_base64 is None:
            return bytes(self.data) + (self.ending or "").encode()
        try:
            return base64.b64decode(self.data_base64, validate=True)
        except binascii.Error as error:  # the line's checksum was right, so this was written wrong
            raise AssertionError(f"event {self.sequence} holds invalid base64") from error


_Data = TypeVar("_Data")


class Shaped(msgspec.Struct, Generic[_Data], frozen=True, kw_only=True, gc=False):
    """An event whose data were decoded together with it, in the shape that its format gives them; of the rest what a
    reading says. Decoding both at once takes two thirds of the time."""

    sequence: str
    id: str
    source: str
    type: str
    subject: str
    revision: int
    recordedtime: str
    time: str | None = None
    data: _Data | None = None
    """None when the record is not one JSON value, or is `null`."""


class Lines(Sequence[Event]):
    """Events of neighbouring positions as they stand in the log, each decoded when it is asked for.

    `lines`: sound ones, each with its line feed. `decode` raises what is to be said of a line that is no event."""

    def __init__(self, lines: list[bytes], decode: Callable[[list[bytes]], list[Event]]) -> None:
        self.lines = lines
        self._decode = decode

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> Event: ...

    @overload
    def __getitem__(self, place: slice) -> Lines: ...

    def __getitem__(self, place: int | slice) -> Event | Lines:
        if isinstance(place, slice):
            return Lines(self.lines[place], self._decode)
        return self._decode([self.lines[place]])[0]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._decode(self.lines))


class Appended(msgspec.Struct, frozen=True):
    """The answer to an append, given only after the events are durable (law L2)."""

    positions: tuple[Position, ...]
    """One per record, in the order given; a duplicate has the position of the event that is already there."""
    duplicates: int = 0
    """How many of them were already in the log."""

    @property
    def first(self) -> Position | None:
        return self.positions[0] if self.positions else None

    @property
    def last(self) -> Position | None:
        return self.positions[-1] if self.positions else None
