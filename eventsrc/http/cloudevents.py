"""A pushed CloudEvent → a record. Pure.

Every attribute is checked here, because what was accepted must become a valid line of the log without a second
judgement. Attributes that the log gives its own lines (`sequence`, `recordedtime`, …) are kept under `origin…` names,
so an event that comes from another log tells where it stood there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from eventsrc.clock import parse_time
from eventsrc.errors import Rejected, TooLarge
from eventsrc.event import Envelope, Record
from eventsrc.http.members import members
from eventsrc.limits import ATTRIBUTES_BYTES, ID_CHARS, RECORD_BYTES
from eventsrc.log.draft import RESERVED

Attribute: TypeAlias = str | int | bool

DEFAULT_SOURCE = "urn:eventsrc:http"
NO_DATA = "application/octet-stream"

_attribute = msgspec.json.Decoder(str | int | bool | None).decode
_NAME = re.compile(r"[a-z0-9]+")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # CloudEvents 1.0, type system, String
_STANDARD = frozenset(("specversion", "id", "source", "type", "subject", "time", "datacontenttype"))
_ORIGIN = "origin"


class Naming(msgspec.Struct, frozen=True):
    """Names for events whose producer gave none."""

    new_id: Callable[[], str]
    """Called for each event without id."""
    unique: bool = False
    """True when `new_id` gives the same ids again for the same request, so that a retry is recognised."""


def structured(text: bytes, naming: Naming) -> Record:
    """A CloudEvent in JSON format, its data kept as the bytes received. Raises `Rejected`."""
    return from_members(members(text), naming)


def from_members(found: Mapping[str, bytes], naming: Naming) -> Record:
    """The same, taken apart already."""
    data: bytes | None = None
    attributes: dict[str, Attribute] = {}
    for name, value in found.items():
        if name == "data":
            data = value
        elif name != "data_base64" and (decoded := _read_attribute(name, value)) is not None:
            attributes[name] = decoded
    if "data_base64" in found:
        if data is not None:
            raise Rejected(reason="it has both data and data_base64")
        data = _read_base64(found["data_base64"])
        attributes.setdefault("datacontenttype", NO_DATA)
    return record(attributes, data, naming)


def record(attributes: Mapping[str, Attribute], data: bytes | None, naming: Naming) -> Record:
    """Attributes by their CloudEvents names, and the data or None → a record with its envelope. Raises `Rejected`."""
    if attributes.get("specversion") != "1.0":
        raise Rejected(reason="specversion is missing or not 1.0")
    if data is not None and len(data) > RECORD_BYTES:
        raise TooLarge(what="The data of the event", size=len(data), limit=RECORD_BYTES)
    extensions = _extensions(attributes)
    size = sum(len(name) + len(str(value)) for name, value in attributes.items())
    if size > ATTRIBUTES_BYTES:
        raise TooLarge(what="The attributes of the event", size=size, limit=ATTRIBUTES_BYTES)
    source = _text(attributes, "source") or DEFAULT_SOURCE
    kind = _text(attributes, "type")
    if not kind:
        raise Rejected(reason="type is missing")
    given_id = _text(attributes, "id")
    return Record(
        source=source,
        data=data or b"",
        id=given_id or naming.new_id(),
        envelope=Envelope(kind, _text(attributes, "subject") or source, _time(attributes)),
        content_type=_text(attributes, "datacontenttype") or ("application/json" if data else NO_DATA),
        unique=given_id is not None or naming.unique,
        extensions=extensions or None,
    )


def _read_attribute(name: str, value: bytes) -> Attribute | None:
    """None when the attribute is null, which means that it is not set."""
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
