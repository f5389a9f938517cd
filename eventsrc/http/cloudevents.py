"""A pushed CloudEvent → a record. Pure.

Every attribute is checked here, because what was accepted must become a valid line of the log without a second
judgement. Attributes that the log gives its own lines (`sequence`, `recordedtime`, …) are kept under `origin…` names,
so an event that comes from another log tells where it stood there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from eventsrc.clock import parse_time
from eventsrc.errors import Rejected, TooLarge
from eventsrc.event import Envelope, Record
from eventsrc.http.members import members
from eventsrc.limits import ATTRIBUTES_BYTES, ID_CHARS, KIND_CHARS, KINDS_KEPT, RECORD_BYTES
from eventsrc.log.draft import RESERVED

Attribute: TypeAlias = str | int | bool

DEFAULT_SOURCE = "urn:eventsrc:http"
NO_DATA = "application/octet-stream"

_attribute = msgspec.json.Decoder(str | int | bool).decode
_NAME = re.compile(r"[a-z0-9]+")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # CloudEvents 1.0, type system, String
_STANDARD = frozenset(("specversion", "id", "source", "type", "subject", "time", "datacontenttype"))
_OWN = frozenset(("id", "time"))
_ORIGIN = "origin"


class Naming(msgspec.Struct, frozen=True):
    """Names for the events of one request whose producer gave none."""

    prefix: str
    """Of this request and no other, unless it is the same request sent again."""
    unique: bool = False
    """True when the same request has the same prefix again, so that a retry is recognised."""

    def of(self, index: int) -> str:
        """The name of the event with this number in its request."""
        return f"{self.prefix}/{index}"


class _Kind(msgspec.Struct, frozen=True):
    """What many events say alike: all but id, time and data."""

    source: str
    type: str
    subject: str
    content_type: str | None
    extensions: dict[str, Attribute] | None
    size: int
    """Characters of names and values."""


_kinds: dict[tuple[tuple[str, bytes], ...], _Kind] = {}  # by the members as received; emptied when full


def structured(text: bytes, naming: Naming, index: int) -> Record:
    """A CloudEvent in JSON format, its data kept as the bytes received; `index` is its number in the request.

    Raises `Rejected`.
    """
    return from_members(members(text), naming, index)


def from_members(found: Mapping[str, bytes], naming: Naming, index: int) -> Record:
    """The same, taken apart already. What it has in common with events before is not judged again."""
    alike = dict(found)
    given_id, time = alike.pop("id", None), alike.pop("time", None)
    data, encoded = alike.pop("data", None), alike.pop("data_base64", None)
    if encoded is not None:
        if data is not None:
            raise Rejected(reason="it has both data and data_base64")
        data = _read_base64(encoded)
        if alike.get("datacontenttype", b"null") == b"null":
            alike["datacontenttype"] = b'"%b"' % NO_DATA.encode()
    members_ = tuple(alike.items())
    kind = _kinds.get(members_) or _remembered(members_)
    own = _read_attributes((("id", given_id or b"null"), ("time", time or b"null")))
    return _record(kind, own, data, naming, index)


def record(attributes: Mapping[str, Attribute], data: bytes | None, naming: Naming, index: int) -> Record:
    """Attributes by their CloudEvents names, and the data or None → a record with its envelope. Raises `Rejected`."""
    own = {name: attributes[name] for name in _OWN if name in attributes}
    kind = _judged({name: value for name, value in attributes.items() if name not in _OWN})
    return _record(kind, own, data, naming, index)


def _record(kind: _Kind, own: Mapping[str, Attribute], data: bytes | None, naming: Naming, index: int) -> Record:
    """`own`: the id and the time, as far as they were given."""
    if data is not None and len(data) > RECORD_BYTES:
        raise TooLarge(what="The data of the event", size=len(data), limit=RECORD_BYTES)
    size = kind.size + _size(own)
    if size > ATTRIBUTES_BYTES:
        raise TooLarge(what="The attributes of the event", size=size, limit=ATTRIBUTES_BYTES)
    given_id = _text(own, "id")
    return Record(
        kind.source,
        data or b"",
        given_id or naming.of(index),
        envelope=Envelope(kind.type, kind.subject, _time(own)),
        content_type=kind.content_type or ("application/json" if data else NO_DATA),
        unique=given_id is not None or naming.unique,
        extensions=kind.extensions,
    )


def _remembered(members_: tuple[tuple[str, bytes], ...]) -> _Kind:
    kind = _judged(_read_attributes(members_))
    if kind.size <= KIND_CHARS:
        if len(_kinds) >= KINDS_KEPT:
            _kinds.clear()
        _kinds[members_] = kind
    return kind


def _judged(attributes: Mapping[str, Attribute]) -> _Kind:
    """Raises `Rejected`."""
    if attributes.get("specversion") != "1.0":
        raise Rejected(reason="specversion is missing or not 1.0")
    extensions = _extensions(attributes)
    source = _text(attributes, "source") or DEFAULT_SOURCE
    kind = _text(attributes, "type")
    if not kind:
        raise Rejected(reason="type is missing")
    subject, content_type = _text(attributes, "subject") or source, _text(attributes, "datacontenttype")
    return _Kind(source, kind, subject, content_type, extensions or None, _size(attributes))


def _size(attributes: Mapping[str, Attribute]) -> int:
    return sum([len(name) + len(str(value)) for name, value in attributes.items()])


def _read_attributes(members_: Iterable[tuple[str, bytes]]) -> dict[str, Attribute]:
    """What is null is not set."""
    read: dict[str, Attribute] = {}
    for name, value in members_:
        if value != b"null":
            read[name] = _read_attribute(name, value)
    return read


def _read_attribute(name: str, value: bytes) -> Attribute:
    try:
        return _attribute(value)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected(reason=f"attribute {name!r} is neither text, integer nor boolean") from error


def _read_base64(value: bytes) -> bytes:
    try:
        return base64.b64decode(msgspec.json.decode(value, type=str), validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise Rejected(reason=f"data_base64 is not base64 text: {error}") from error


def _text(attributes: Mapping[str, Attribute], name: str) -> str | None:
    """A standard attribute: None when not given; given means not empty, no control characters, not endless."""
    value = attributes.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise Rejected(reason=f"{name} is not a text with something in it")
    if len(value) > ID_CHARS:
        raise Rejected(reason=f"{name} has {len(value)} characters; the limit is {ID_CHARS}")
    if _FORBIDDEN.search(value):
        raise Rejected(reason=f"{name} holds a control character")
    return value


def _time(attributes: Mapping[str, Attribute]) -> str | None:
    time = _text(attributes, "time")
    if time is not None and parse_time(time) is None:
        raise Rejected(reason="time is not RFC 3339 with a zone")
    return time


def _extensions(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for name, value in attributes.items():
        if name in _STANDARD:
            continue
        kept = f"{_ORIGIN}{name}" if name in RESERVED and _NAME.fullmatch(name) else name
        if not _NAME.fullmatch(kept):
            raise Rejected(reason=f"attribute {name!r} is not named with lower-case letters and digits only")
        if kept in found or (kept != name and kept in attributes):
            raise Rejected(reason=f"attribute {name!r} and {kept!r} would be the same")
        if isinstance(value, str) and _FORBIDDEN.search(value):
            raise Rejected(reason=f"attribute {name!r} holds a control character")
        if not isinstance(value, str) and not -(2**31) <= value < 2**31:
            raise Rejected(reason=f"attribute {name!r} is beyond 32 bits; send it as text")
        found[kept] = value
    return found
