"""A block of a file → batches of records. Pure: the hot path of reading."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from eventsrc.event import Record
from eventsrc.limits import CATCHUP_EVENTS
from eventsrc.source.place import Place, settled, written


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
    lines = block.raw[place.anchor_length :].split(b"\n")
    lines.pop()  # what stands behind the last line feed: nothing, or a line that is still being written
    for first in range(0, len(lines), most):
        batch = _batch(lines[first : first + most], block, base, place, source)
        yield batch
        place = batch.place


def _batch(lines: list[bytes], block: Block, base: int, place: Place, source: str) -> Batch:
    prefix, offset = place.prefix, place.offset
    records: list[Record] = []
    append = records.append
    for line in lines:
        if line and line != b"\r":
            append(Record(source, line, f"{prefix}{offset}"))
        offset += len(line) + 1
    passed = msgspec.structs.replace(
        place,
        offset=offset,
        lines=place.lines + len(lines),
        records=place.records + len(records),
        mtime_ns=block.mtime_ns if offset == block.size else 0,
    )
    return Batch(records, settled(passed, block.head, block.raw[: offset - base]))


def marked(batch: Batch) -> list[Record]:
    """The batch's records with the cursor on the last one."""
    last = msgspec.structs.replace(batch.records[-1], cursor=written(batch.place))
    return [*batch.records[:-1], last]
