"""A block of a file → batches of records. Pure: the hot path of reading."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, repeat

import msgspec

from eventsrc.event import Record
from eventsrc.limits import ANCHOR_BYTES, CATCHUP_EVENTS
from eventsrc.source.place import Place, settled, written

_EMPTY = (b"", b"\r")
_WITH_LINE_FEED = len(b"\n").__add__


class Block(msgspec.Struct, frozen=True, gc=False):
    """What one look into a file brought."""

    raw: bytes
    """The anchor of the place, followed by what comes after the place."""
    head: bytes
    """The first FINGERPRINT_BYTES of the file, or fewer."""
    size: int
    mtime_ns: int


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Records that travel together, and where the file stands once they are durable."""

    records: list[Record]
    place: Place


def batches(block: Block, place: Place, source: str, most: int = CATCHUP_EVENTS) -> Iterator[Batch]:
    """The complete lines of a block that begins at `place`, at most `most` a batch; the unfinished rest is left.

    Empty lines (also those of a lone carriage return) are passed over. A batch of nothing but such has no records:
    its place is good to read on from, but there is nothing that could carry it."""
    base = place.offset - place.anchor_length
    lines = block.raw.split(b"\n")
    del lines[: block.raw.count(b"\n", 0, place.anchor_length)]  # the anchor ends with a line feed, like every place
    lines.pop()  # what stands behind the last line feed: nothing, or a line that is still being written
    for first in range(0, len(lines), most):
        some = lines[first : first + most]
        offsets = list(accumulate(map(_WITH_LINE_FEED, map(len, some)), initial=place.offset))
        records = _records(some, offsets, place.prefix, source)
        place = _passed(place, offsets[-1], len(some), len(records), block)
        end = offsets[-1] - base
        yield Batch(records, settled(place, block.head, block.raw[max(0, end - ANCHOR_BYTES) : end]))


def _records(lines: list[bytes], offsets: list[int], prefix: str, source: str) -> list[Record]:
    """One record for each line that is not empty; there is one offset more than lines, that of the end."""
    ids = [f"{prefix}{offset}" for offset in offsets]
    records = list(map(Record, repeat(source), lines, ids))
    if b"" in lines or b"\r" in lines:
        return [record for record in records if record.data not in _EMPTY]
    return records


def _passed(place: Place, offset: int, lines: int, records: int, block: Block) -> Place:
    """The place behind so many lines and records; its hashes are those of the one before."""
    return msgspec.structs.replace(
        place,
        offset=offset,
        lines=place.lines + lines,
        records=place.records + records,
        mtime_ns=block.mtime_ns if offset == block.size else 0,
    )


def marked(batch: Batch) -> list[Record]:
    """The batch's records with the cursor on the last one."""
    last = msgspec.structs.replace(batch.records[-1], cursor=written(batch.place))
    return [*batch.records[:-1], last]
