"""One thread hop: look into a file, judge it, cut what is new. Blocking; returns values and sends nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from eventsrc.limits import BATCH_BYTES, RECORD_BYTES, WHOLE_BYTES
from eventsrc.source.block import Moved, Oversized, line_end, look_into, open_file
from eventsrc.source.cut import Batch, batches
from eventsrc.source.packed import Refused
from eventsrc.source.place import Place, Verdict, Volumes, judge
from eventsrc.source.tail import Tail
from eventsrc.source.whole import whole
from eventsrc.source.work import Work


class Step(msgspec.Struct, frozen=True):
    """What one hop found."""

    size: int
    verdict: Verdict = "same"
    batches: list[Batch] = []
    oversized: Oversized | None = None
    more: bool = False
    """There is more to look at right now."""


def step_lines(tail: Tail, volumes: Volumes, work: Work) -> Step:
    """The next block of a file of lines."""
    if tail.packed and tail.fd is None and Path(tail.path).stat().st_mtime_ns == tail.place.mtime_ns:
        return Step(tail.place.offset)  # a hint of nothing: not worth unpacking
    fd, place = opened(tail, volumes, work), tail.place
    want = BATCH_BYTES
    if tail.searched > place.offset:
        size = os.fstat(fd).st_size
        if size >= tail.searched:  # else it shrank: judge below
            end, tail.searched = line_end(fd, tail.searched, work)
            if end is None:
                return Step(size, more=tail.searched < size)
            if end - place.offset > RECORD_BYTES:
                return Step(size, oversized=Oversized(tail.path, place, end))
            want = max(want, end + 1 - place.offset)
    block = look_into(fd, place, work, want)
    verdict = judge(place, block.size, block.head, block.raw[: place.anchor_length])
    if verdict != "same":
        return Step(block.size, verdict)
    found = list(batches(block, place, tail.uri))
    at = place.offset + len(block.raw) - place.anchor_length
    if not found:
        tail.searched = at
    if tail.packed and at >= block.size:
        tail.close()  # it grows no more, and what was unpacked takes room
    return Step(block.size, batches=found, more=at < block.size)


class Found(msgspec.Struct, frozen=True):
    """What one of several files looked into in one hop showed."""

    place: Place
    """Where the file stood then; what was found holds for no other place."""
    step: Step | Moved | OSError


def step_through(turn: Sequence[Tail], volumes: Volumes, work: Work) -> list[Found | None]:
    """The next block of each of several files of lines. None for those that are left when a block's worth was read."""
    found: list[Found | None] = []
    left = BATCH_BYTES
    for tail in turn:
        if left <= 0:
            found.append(None)
            continue
        place, step = tail.place, _tried(tail, volumes, work)
        if isinstance(step, Step):
            left -= step.size - place.offset
        found.append(Found(place, step))
    return found


def _tried(tail: Tail, volumes: Volumes, work: Work) -> Step | Moved | OSError:
    try:
        return step_lines(tail, volumes, work)
    except (Moved, OSError) as error:
        return error


def step_whole(tail: Tail, volumes: Volumes, work: Work) -> Step:
    """A small file as one record; read again when it changes under the reading."""
    fd = opened(tail, volumes, work)
    block = look_into(fd, Place(tail.key), work, WHOLE_BYTES + 1)
    if block.size > WHOLE_BYTES:
        raise OSError(errno.EFBIG, f"it has {block.size} bytes, more than the {WHOLE_BYTES} of a file taken as a whole")
    if len(block.raw) != block.size:
        return Step(block.size, more=True)
    tail.close()  # it is read once and then seldom: no reason to hold a descriptor
    return Step(block.size, batches=[whole(block, tail.place, tail.uri)])


def as_copy(tail: Tail, original: Place, volumes: Volumes, work: Work) -> Place | None:
    """Where to go on in a file that begins with all that was read of another one; None when it does not."""
    if not original.offset:
        return None
    block = look_into(opened(tail, volumes, work), original, work, 0)
    if judge(original, block.size, block.head, block.raw) != "same":
        return None
    mtime_ns = block.mtime_ns if block.size == original.offset else 0
    return msgspec.structs.replace(
        original, key=tail.key, generation=tail.place.generation, mtime_ns=mtime_ns, records=0
    )


def opened(tail: Tail, volumes: Volumes, work: Work) -> int:
    """The file's descriptor, opened when it is not open."""
    if tail.fd is None:
        changed_ns = Path(tail.path).stat().st_mtime_ns if tail.packed else 0
        if tail.refused_ns and tail.refused_ns == changed_ns:
            raise Refused(errno.EINVAL, tail.problem)
        try:
            tail.fd = open_file(tail.path, tail.key, volumes, work)
        except Refused:
            tail.refused_ns = changed_ns
            raise
        tail.refused_ns = 0
    return tail.fd
