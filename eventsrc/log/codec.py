"""One event ⇄ one line. Pure: no I/O, no clock, no state but caches of encoded strings.

A line is a CloudEvents 1.0 event in JSON format with its members in one fixed order, so that a reader finds what it
needs by slicing; see `docs/log-format.md`. Everything up to the data is encoded once, in `draft`, by whoever produces
the event; what depends on the position is put in front of it by `encode`, on the log's hot path.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final
from zlib import crc32

import msgspec

from eventsrc.errors import BrokenLine, Rejected, TooLarge
from eventsrc.event import Cursor, Draft, Envelope, Event, Position, Record
from eventsrc.limits import DATA_DEPTH, ENCODED_CACHE, RECORD_BYTES

OPENING: Final = b'{"specversion":"1.0","sequence":"'
SEQUENCE_END: Final = len(OPENING) + 20
CHECKSUM_BYTES: Final = len(b',"crc32":"00000000"}')
_LINE: Final = OPENING + b'%020d","batchindex":%d,"batchsize":'
_LINE_FEED, _CARRIAGE_RETURN = 10, 13  # as numbers: looking for a `bytes` in bytes costs ten times as much
CHECKSUM_TEMPLATE: Final = b',"crc32":"%08x"}\n'

_OWN = "specversion sequence batchindex batchsize revision recordedtime cursor unique ending crc32"
_CLOUDEVENTS = "id source type subject time datacontenttype data"
RESERVED: Final = frozenset(f"{_OWN} {_CLOUDEVENTS}".split())
"""Attribute names that a producer cannot use for its own extensions."""

_is_json = msgspec.json.Decoder(msgspec.Raw).decode
_to_event = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode

# Encoded text that returns with every record of a source. Emptied when full: cheaper than keeping an order.
_origins: dict[tuple[str, str, str, str, bool], bytes] = {}


def draft(record: Record, envelope: Envelope) -> Draft:
    """A record and its envelope, encoded as far as is possible without a position.

    Raises `TooLarge` or `Rejected` when the record cannot become a valid event; nothing in the data can cause that
    but its size, since what is not JSON is kept as base64 (law L10).
    """
    data = record.data
    if len(data) > RECORD_BYTES:
        raise TooLarge(what="The record", size=len(data), limit=RECORD_BYTES)
    if _is_plain_json(data):
        member, ending, json = b'"data":' + data, b"", True
    else:
        member, ending, json = _unusual_data(data)
    try:
        key = (record.source, envelope.type, envelope.subject, record.content_type, json)
        origin = _origins.get(key) or _origin(key)
        head = b'"id":%b%b' % (_encode(record.id), origin)
        if record.cursor is not None:
            head = b'%b,"cursor":%b' % (head, _encode(record.cursor))
        if envelope.time is not None:
            head += b',"time":' + _encode(envelope.time)
        if record.extensions:
            head += _extensions(record.extensions)
    except UnicodeEncodeError as error:
        raise Rejected(reason=f"an attribute holds text that is not Unicode ({error.reason})") from error
    if record.unique:
        head += b',"unique":true'
    if not record.id:
        raise Rejected(reason="the id is empty")
    return Draft(record.source, record.id, envelope.subject, head + ending, member, record.cursor, record.unique)


def _origin(key: tuple[str, str, str, str, bool]) -> bytes:
    """Encodes the members that return with every record of a source, and remembers them."""
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


def _unusual_data(data: bytes) -> tuple[bytes, bytes, bool]:
    """What cannot stand in a line as it is → (the data member, the ending member with its comma, is it JSON)."""
    if data[-1:] == b"\r" and _is_plain_json(data[:-1]):
        return b'"data":' + data[:-1], b',"ending":"\\r"', True
    if b"\n" in data and (compact := _compact(data)) is not None:
        return b'"data":' + compact, b"", True
    return b'"data_base64":"' + base64.b64encode(data) + b'"', b"", False


def _is_plain_json(value: bytes) -> bool:
    """Whether these bytes can stand in a line as they are: one JSON value, UTF-8, no blanks around, no line break."""
    try:
        _is_json(value)
        if not value.isascii():
            value.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    # Strings cannot hold raw control characters, so what is left to exclude stands between tokens.
    if value[0] <= 0x20 or value[-1] <= 0x20 or _LINE_FEED in value or _CARRIAGE_RETURN in value:
        return False
    return len(value) <= 2 * DATA_DEPTH or not _is_deep(value)


def _is_deep(value: bytes) -> bool:
    """Whether nesting is so deep that another reader, with less stack left, may fail where this one did not."""
    if _BRACKET not in value and len(value) <= _LEVEL_BYTES * DATA_DEPTH:
        return False  # nearly all lines of streams: too short for so many objects, and there are no arrays
    if value.count(b"[") + value.count(b"{") <= DATA_DEPTH:
        return False
    strings_cut = value.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    rest = b"".join(strings_cut).translate(None, _NO_BRACKETS)
    for _ in range(DATA_DEPTH // 2):  # each round takes away one or two levels, all over the value at once
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
        if not rest:
            return False
    return True


_BRACKET = ord("[")
_LEVEL_BYTES = len('{"":}')  # what a level of objects takes at least
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _compact(value: bytes) -> bytes | None:
    """JSON written over several lines, on one; None when it is not JSON.

    A line-oriented source never hands over a line feed, so this was pushed: law L10 asks for the value, with the
    order of keys and the spelling of numbers, and not for the blanks between tokens.
    """
    try:
        compact = msgspec.json.format(value, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return None
    return compact if _is_plain_json(compact) else None


def encode(
    drafts: Sequence[Draft], first: Position, recorded: str, revisions: dict[str, int], revision: Callable[[str], int]
) -> tuple[list[bytes], int]:
    """The lines of one group, as pieces to be joined, and the checksum of the last one.

    `revisions` receives the last revision of each stream that the group touches; `revision` is asked once for each
    of them. `recorded` is RFC 3339.
    """
    size = len(drafts)
    # What is the same in every line of the group is in the template already; no time holds a percent sign.
    template = _LINE + b'%d,"revision":%%d,"recordedtime":"%b",%%b,%%b' % (size, recorded.encode())
    pieces: list[bytes] = []
    add = pieces.append
    last_of = revisions.get
    checksum_template = CHECKSUM_TEMPLATE
    checksum = 0
    for index, item in enumerate(drafts):
        subject = item.subject
        number = last_of(subject)
        if number is None:
            number = revision(subject)
        number += 1
        revisions[subject] = number
        line = template % (first + index, index, number, item.head, item.data)
        checksum = crc32(line)
        add(line)
        add(checksum_template % checksum)
    return pieces, checksum


def is_sound(line: bytes) -> bool:
    """Whether a line (without its line feed) carries the checksum of its own bytes."""
    return line[-CHECKSUM_BYTES:] == b',"crc32":"%08x"}' % crc32(line[:-CHECKSUM_BYTES])


def decode(line: bytes) -> Event:
    """The event in a line (with or without its line feed). Raises `BrokenLine` when the line is not as written."""
    line = line.removesuffix(b"\n")
    if not is_sound(line):
        raise BrokenLine(detail="the checksum does not match")
    try:
        return _to_event(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenLine(detail=str(error)) from error


def event_in(line: bytes) -> Event:
    """The event in a line that is known to be sound. Raises `BrokenLine` when it is not an event all the same."""
    try:
        return _to_event(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenLine(detail=str(error)) from error


def identity(source: str, id_: str) -> bytes:
    """16 bytes that stand for (source, id)."""
    return blake2b(b"%d %b%b" % (len(source), source.encode(), id_.encode()), digest_size=16).digest()


def fingerprint(data: bytes) -> bytes:
    """16 bytes that stand for a data member, as `Draft.data` has it."""
    return blake2b(data, digest_size=16).digest()


def data_member(event: Event) -> bytes:
    """The data member of an event, as `Draft.data` had it."""
    if event.data_base64 is None:
        return b'"data":' + bytes(event.data)
    return b'"data_base64":"' + event.data_base64.encode() + b'"'


def cursor_key(cursor: Cursor) -> str:
    """What names the thing that a cursor moves in: its text before the first blank."""
    return cursor.partition(" ")[0]
