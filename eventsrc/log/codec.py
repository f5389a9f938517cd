"""One event ⇄ one line. Pure: no I/O, no clock, no state but caches of encoded strings.

A line is a CloudEvents 1.0 event in JSON format with its members in one fixed order, so that a reader finds what it
needs by slicing; see `docs/log-format.md`. Everything from the id on is encoded before, in `draft.py`, by whoever
produces the event; what depends on the position is put in front of it by `encode`, on the log's hot path.
"""

from __future__ import annotations

from array import array
from binascii import hexlify
from collections.abc import Sequence
from sys import byteorder
from typing import Final
from zlib import crc32

import msgspec

from eventsrc.errors import BrokenLine
from eventsrc.event import Cursor, Event, Position

OPENING: Final = b'{"specversion":"1.0","sequence":"'
CHECKSUM_BYTES: Final = len(b',"crc32":"00000000"}')
CHECKSUM_TEMPLATE: Final = b',"crc32":"%08x"}\n'
_CHECKSUM: Final = CHECKSUM_TEMPLATE.partition(b"%08x")

_to_event = msgspec.json.Decoder(Event).decode
_to_events = msgspec.json.Decoder(Event).decode_lines


def encode(
    heads: Sequence[bytes], data: Sequence[bytes], revisions: Sequence[int], first: Position, recorded: str
) -> tuple[list[bytes], int]:
    """The lines of one group, as pieces to be joined, and the checksum of the last one.

    `heads` and `data` are those of the drafts, `revisions` their numbers within their streams; `recorded` is RFC 3339.
    """
    size = len(heads)
    members = zip(range(first, first + size), range(size), revisions, heads, data, strict=True)
    lines = list(map(_template(first, size, recorded).__mod__, members))
    checksums = list(map(crc32, lines))
    pieces: list[bytes] = [b""] * (2 * size)
    pieces[::2], pieces[1::2] = lines, endings(checksums)
    return pieces, checksums[-1] if checksums else 0


def _template(first: Position, size: int, recorded: str) -> bytes:
    """What is the same in every line of a group, with places for position, index, revision, head and data.

    No time holds a percent sign."""
    tail = b'%d,"revision":%%d,"recordedtime":"%b",%%b%%b' % (size, recorded.encode())
    return header_template(first, size) + tail


def header_template(first: Position, count: int) -> bytes:
    """How `count` lines from position `first` on begin, with places for position and index, up to the batch size.

    Zeros are written out where all positions have as many digits as the first one, because a width costs as much as
    the rest of the line."""
    digits = len(str(first))
    width = b"0" * (20 - digits) + b"%d" if len(str(first + count)) == digits else b"%020d"
    return OPENING + width + b'","batchindex":%d,"batchsize":'


def endings(checksums: Sequence[int]) -> list[bytes]:
    """The end of a line, its line feed included, for each checksum. All of them in a few calls: a format for each
    would cost as much as the checksum itself."""
    if not checksums:
        return []
    numbers = array("I", checksums)
    assert numbers.itemsize == 4, "an unsigned int has 32 bits wherever CPython runs"
    if byteorder == "little":
        numbers.byteswap()
    before, _, after = _CHECKSUM
    digits = hexlify(numbers.tobytes(), b"|", 4)
    return (before + digits.replace(b"|", after + b"|" + before) + after).split(b"|")


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


def events_in(lines: Sequence[bytes]) -> list[Event]:
    """The events in lines, each with its line feed, that are known to be sound; raises like `event_in`."""
    try:
        events = _to_events(b"".join(lines))
    except (msgspec.DecodeError, UnicodeDecodeError):
        events = []
    return events if len(events) == len(lines) else [event_in(line) for line in lines]


def cursor_key(cursor: Cursor) -> str:
    """What names the thing that a cursor moves in: its text before the first blank."""
    return cursor.partition(" ")[0]
