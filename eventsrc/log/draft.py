"""A record and its envelope → a draft: encoded as far as is possible without a position.

Runs once per record in front of the log, unless many of the usual kind come at once (`drafting.py`). No state but a
cache of encoded strings.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from eventsrc.errors import Rejected, TooLarge
from eventsrc.event import Draft, Envelope, Event, Record
from eventsrc.limits import ENCODED_CACHE, RECORD_BYTES
from eventsrc.log.plain import is_plain

_OWN = "specversion sequence batchindex batchsize revision recordedtime cursor unique ending crc32"
_CLOUDEVENTS = "id source type subject time datacontenttype data"
RESERVED: Final = frozenset(f"{_OWN} {_CLOUDEVENTS}".split())
"""Attribute names that a producer cannot use for its own extensions."""

UNIQUE: Final = b',"unique":true'
"""The last attribute of a record whose (source, id) is looked up."""

_JSON: Final = b'"data":'
_BASE64: Final = b'"data_base64":'
_encode = msgspec.json.Encoder().encode

Origin: TypeAlias = tuple[str, str, str, str, bool]  # source, type, subject, content type, is the data JSON
_origins: dict[Origin, bytes] = {}  # emptied when full: cheaper than keeping an order


def draft(record: Record, envelope: Envelope) -> Draft:
    """One record of any kind.

    Raises `TooLarge` or `Rejected` when the record cannot become a valid event; nothing in the data can cause that
    but its size, since what is not JSON is kept as base64 (law L10).
    """
    data = record.data
    if len(data) > RECORD_BYTES:
        raise TooLarge(what="The record", size=len(data), limit=RECORD_BYTES)
    if is_plain(data):
        return _draft(record, envelope, _JSON, data)
    if data[-1:] == b"\r" and is_plain(data[:-1]):
        return _draft(record, envelope, b'"ending":"\\r",' + _JSON, data[:-1])
    if b"\n" in data and (compact := _compact(data)) is not None:
        return _draft(record, envelope, _JSON, compact)
    return _draft(record, envelope, _BASE64, b'"' + base64.b64encode(data) + b'"')


def identity(source: str, id_: str) -> bytes:
    """16 bytes that stand for (source, id)."""
    return blake2b(b"%d %b%b" % (len(source), source.encode(), id_.encode()), digest_size=16).digest()


def fingerprint(item: Draft) -> bytes:
    """16 bytes that stand for a draft's data."""
    if item.head.endswith(_JSON):
        return fingerprint_of_json(item.data)
    return blake2b(_BASE64 + item.data, digest_size=16).digest()


def fingerprint_of_json(data: bytes) -> bytes:
    """The same for data that is kept as it is."""
    return blake2b(_JSON + data, digest_size=16).digest()


def fingerprint_of(event: Event) -> bytes:
    """The same for an event, made of such a draft."""
    if event.data_base64 is None:
        return fingerprint_of_json(bytes(event.data))
    return blake2b(b'%b"%b"' % (_BASE64, event.data_base64.encode()), digest_size=16).digest()


def _draft(record: Record, envelope: Envelope, name: bytes, data: bytes) -> Draft:
    """`name` is the name of the data member with its colon, and what stands between it and the attributes."""
    json = name is not _BASE64
    try:
        head = _head(record, envelope, json)
    except UnicodeEncodeError as error:
        raise _not_unicode(error) from error
    if not record.id:
        raise Rejected(reason="the id is empty")
    head = b"%b,%b" % (head, name)
    return Draft(record.source, record.id, envelope.subject, head, data, record.cursor, record.unique)


def _head(record: Record, envelope: Envelope, json: bool) -> bytes:
    key = (record.source, envelope.type, envelope.subject, record.content_type, json)
    head = b'"id":%b%b' % (_encode(record.id), origin(key))
    if record.cursor is not None:
        head = b'%b,"cursor":%b' % (head, _encode(record.cursor))
    if envelope.time is not None:
        head += b',"time":' + _encode(envelope.time)
    if record.extensions:
        head += _extensions(record.extensions)
    return head + UNIQUE if record.unique else head


def origin(key: Origin) -> bytes:
    """The encoded members that return with every record of a source, remembered. Raises `Rejected` for an empty one,
    and UnicodeEncodeError."""
    if known := _origins.get(key):
        return known
    source, type_, subject, content_type, json = key
    for name, value in (("source", source), ("type", type_), ("subject", subject)):
        if not value:
            raise Rejected(reason=f"the {name} is empty")
    if not json and content_type == "application/json":
        content_type = "application/octet-stream"  # `data_base64` that claims to be JSON would not be a valid event
    if len(_origins) >= ENCODED_CACHE:
        _origins.clear()
    encoded = b',"source":%b,"type":%b,"subject":%b,"datacontenttype":%b' % tuple(
        map(_encode, (source, type_, subject, content_type))
    )
    _origins[key] = encoded
    return encoded


def _extensions(extensions: dict[str, str | int | bool]) -> bytes:
    encoded = b""
    for name, value in extensions.items():
        if name in RESERVED:
            raise Rejected(reason=f"the attribute {name!r} belongs to the log")
        if not (name.isascii() and name.isalnum() and name == name.lower()):
            raise Rejected(reason=f"the attribute name {name!r} is not made of lower-case letters and digits")
        if not isinstance(value, str) and not -(2**31) <= value < 2**31:
            raise Rejected(reason=f"the attribute {name!r} is beyond 32 bits")
        encoded += b",%b:%b" % (_encode(name), _encode(value))
    return encoded


def _compact(value: bytes) -> bytes | None:
    """JSON written over several lines, on one; None when it is not JSON.

    A line-oriented source never hands over a line feed, so this was pushed: law L10 asks for the value, with the
    order of keys and the spelling of numbers, and not for the blanks between tokens.
    """
    try:
        compact = msgspec.json.format(value, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return None
    return compact if is_plain(compact) else None


def _not_unicode(error: UnicodeEncodeError) -> Rejected:
    return Rejected(reason=f"an attribute holds text that is not Unicode ({error.reason})")
