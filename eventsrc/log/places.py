"""Finding a position in a segment by binary search: lines are sorted, and a line feed is always the end of a line."""

from __future__ import annotations

import os
from typing import Final

from eventsrc.errors import LogCorrupt
from eventsrc.event import Position
from eventsrc.log.layout import segment_name
from eventsrc.log.scan import Header, blocks, header

_WINDOW: Final = 64 * 1024  # what is left to a linear search; also one look for a line feed
_HEADER: Final = 128  # bytes that hold the header of a line


def locate(fd: int, first: Position, size: int, position: Position) -> int:
    """The byte where the line of `position` begins, or where it would: the end of the last line before it.

    `first` is the segment's first position, `size` the bytes to look at. Raises `LogCorrupt` where no header stands.
    """
    low, high = 0, size  # a line begins at `low`, and its position is not beyond the one that is looked for
    while high - low > _WINDOW:
        middle = (low + high) // 2
        start = next_line(fd, middle, high)
        if start is None:
            high = middle
        elif header_at(fd, first, start).position <= position:
            low = start
        else:
            high = middle
    byte = low
    for block in blocks(fd, low, size, _WINDOW):
        for line in block.lines if block.terminated else []:
            found = header(line)
            if found is None:
                raise _no_event(first, byte)
            if found.position >= position:
                return byte
            byte += len(line)
    return byte


def next_line(fd: int, byte: int, end: int) -> int | None:
    """Where the first line begins after `byte`; None when none does before `end`."""
    while byte < end:
        read = os.pread(fd, min(_WINDOW, end - byte), byte)
        if not read:
            return None
        found = read.find(b"\n")
        if found >= 0:
            start = byte + found + 1
            return start if start < end else None
        byte += len(read)
    return None


def header_at(fd: int, first: Position, byte: int) -> Header:
    """The header of the line that begins at a byte. Raises `LogCorrupt` when none stands there."""
    found = header(os.pread(fd, _HEADER, byte))
    if found is None:
        raise _no_event(first, byte)
    return found


def last_line(fd: int, size: int) -> tuple[int, bytes] | None:
    """The last line that has an end: (where it begins, the line without its line feed)."""
    step = _WINDOW
    while True:
        start = max(0, size - step)
        tail = os.pread(fd, size - start, start)
        end = tail.rfind(b"\n")
        begin = tail.rfind(b"\n", 0, end) if end > 0 else -1
        if end >= 0 and (begin >= 0 or start == 0):
            return start + begin + 1, tail[begin + 1 : end]
        if start == 0:
            return None
        step *= 4


def _no_event(first: Position, byte: int) -> LogCorrupt:
    return LogCorrupt(segment=segment_name(first), line=0, byte=byte, detail="no event begins here")
