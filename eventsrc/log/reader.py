"""Reading the log from its files, in any process, beside the writer or without one.

A reader keeps no state that matters: it may be thrown away at any time. It never returns a part of a group that is not
whole in the file. Only the writer knows what is durable: whoever must not see more passes `until`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

import msgspec

from eventsrc.errors import BrokenLine, LogCorrupt
from eventsrc.event import Event, Lines, Position
from eventsrc.limits import BLOCK_BYTES, READ_BYTES, READ_EVENTS
from eventsrc.log.codec import events_in
from eventsrc.log.index import Index
from eventsrc.log.layout import index_path, log_directory, segment_name, segments
from eventsrc.log.places import header_at, last_line, locate
from eventsrc.log.reading import opened
from eventsrc.log.scan import Scan, blocks, header

_LINE_GUESS = 1024  # bytes of a line, for how much is read when few events are asked for


_Run: TypeAlias = tuple[list[bytes], Position, int]
"""Whole lines, their segment, and the byte of the first of them."""


class Chunk(msgspec.Struct, frozen=True):
    """A run of whole lines of one segment, which another process can read."""

    path: str
    first_position: Position
    """Position of its first line."""
    until: Position
    """Not beyond this position, wherever the bytes end."""
    start_byte: int
    end_byte: int


class LogReader:
    """Reads events by position. Belongs to one thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        """The data directory."""
        self._log = log_directory(directory)
        self._next: tuple[Position, Position, int] = (0, 0, 0)  # (position, its segment, its byte) after the last read

    def head(self) -> Position:
        """The last position of the last group that is whole in the files; 0 when there is none."""
        for first in reversed(segments(self._log)):
            last = self._last_whole(first)
            if last >= first:
                return last
        return 0

    def read(
        self,
        after: Position,
        *,
        until: Position | None = None,
        max_events: int = READ_EVENTS,
        max_bytes: int = READ_BYTES,
    ) -> list[Event]:
        """The events after a position, in order, not beyond `until`; empty when there are none yet.

        Ends after `max_events`, or with the event that reaches `max_bytes` of lines; at least one event comes when
        there is one. Raises `LogCorrupt` when what is asked for is damaged, and `LogUnreadable` or `TryAgain` (too many
        open files) when it cannot be read; so do the other methods.
        """
        runs = self._read(after, until, max_events, max_bytes)
        return [event for lines, first, byte in runs for event in self._events(lines, first, byte)]

    def lines(
        self,
        after: Position,
        *,
        until: Position | None = None,
        max_events: int = READ_EVENTS,
        max_bytes: int = READ_BYTES,
    ) -> list[tuple[Event, bytes]]:
        """As `read`, with the line of each event as it stands in the log, without its line feed."""
        runs = self._read(after, until, max_events, max_bytes)
        return [
            (event, line[:-1])
            for lines, first, byte in runs
            for event, line in zip(self._events(lines, first, byte), lines, strict=True)
        ]

    def run(self, after: Position, *, until: Position, max_events: int, max_bytes: int) -> Lines:
        """As `read`, each event decoded when it is asked for; ends with the segment, too."""
        runs = self._read(after, until, max_events, max_bytes)
        first, byte = runs[0][1:] if runs else (0, 0)
        return self._lines([line for lines, segment, _ in runs if segment == first for line in lines], first, byte)

    def _read(self, after: Position, until: Position | None, max_events: int, max_bytes: int) -> list[_Run]:
        assert max_events > 0 and max_bytes > 0
        last = self.head() if until is None else until
        runs: list[_Run] = []
        if after >= last:
            return runs
        count = weight = 0
        with contextlib.closing(self._walk(after, last, min(BLOCK_BYTES, max_bytes, max_events * _LINE_GUESS))) as walk:
            for lines, first, byte in walk:
                some = lines[: max_events - count]
                sizes = list(accumulate(map(len, some)))
                some = some[: bisect_left(sizes, max_bytes - weight) + 1]
                runs.append((some, first, byte))
                count += len(some)
                weight += sizes[len(some) - 1]
                self._next = (after + count + 1, first, byte + sizes[len(some) - 1])
                if count == max_events or weight >= max_bytes:
                    break
        return runs

    def stream(self, subject: str, after_revision: int = 0) -> Iterator[Event]:
        """The events of one stream, in order, after a revision. Opens only segments that hold some, as far as the
        index knows; what it does not cover yet is read."""
        known, reached = self._indexed(subject)
        head = self.head()
        firsts = segments(self._log)
        wanted = b'"subject":' + msgspec.json.encode(subject)
        for number, first in enumerate(firsts):
            last = firsts[number + 1] - 1 if number + 1 < len(firsts) else head
            if last <= reached and first not in known:
                continue
            for lines, _, byte in self._walk(first - 1, min(last, head), BLOCK_BYTES):
                for event in self._events([line for line in lines if wanted in line], first, byte):
                    if event.subject == subject and event.revision > after_revision:
                        yield event

    def chunks(self, after: Position, until: Position, size: int = READ_BYTES) -> Iterator[Chunk]:
        """What lies between two positions, cut into runs of about `size` bytes on line boundaries."""
        firsts = segments(self._log)
        for number in range(max(0, bisect_right(firsts, after + 1) - 1), len(firsts)):
            first = firsts[number]
            if first > until:
                return
            path = self._log / segment_name(first)
            with opened(path) as fd:
                end = os.fstat(fd).st_size
                byte = locate(fd, first, end, after + 1) if after >= first else 0
                while byte < end:
                    following = _line_end(fd, min(byte + size, end), end)
                    position = header_at(fd, first, byte).position
                    if position > until:
                        return
                    yield Chunk(str(path), position, until, byte, following)
                    byte = following

    def read_chunk(self, chunk: Chunk) -> Lines:
        """The events of a chunk; checks every line like `read`, and decodes them when they are asked for."""
        first = int(Path(chunk.path).stem)
        wanted = chunk.until - chunk.first_position + 1
        found: list[bytes] = []
        with opened(Path(chunk.path)) as fd:
            for lines, _ in _followed(fd, first, chunk.first_position, chunk.start_byte, chunk.end_byte, BLOCK_BYTES):
                found += lines
                if len(found) >= wanted:
                    break
        del found[wanted:]
        return self._lines(found, first, chunk.start_byte)

    def _walk(self, after: Position, until: Position, size: int) -> Generator[_Run]:
        """Runs of lines of every position after `after` up to
        `until`, checked."""
        firsts = segments(self._log)
        position = after + 1
        number = bisect_right(firsts, position) - 1
        if number < 0:
            raise LogCorrupt(segment=segment_name(position), line=0, byte=0, detail="the segment is missing")
        while position <= until:
            if number >= len(firsts) or (position != firsts[number] and position < firsts[number]):
                raise LogCorrupt(segment=segment_name(position), line=0, byte=0, detail="the segment is missing")
            first = firsts[number]
            with opened(self._log / segment_name(first)) as fd:
                end = os.fstat(fd).st_size
                start = self._start(fd, first, end, position)
                before = position
                for lines, byte in _followed(fd, first, position, start, end, size):
                    lines = lines[: until - position + 1]
                    yield lines, first, byte
                    position += len(lines)
                    if position > until:
                        return
                if position == before and number + 1 >= len(firsts):
                    raise LogCorrupt(segment=segment_name(first), line=0, byte=end, detail=f"{position} is missing")
            number += 1

    def _start(self, fd: int, first: Position, size: int, position: Position) -> int:
        """The byte of a position in its segment: where the last read ended, or by binary search."""
        if self._next[:2] == (position, first):
            return self._next[2]
        return locate(fd, first, size, position) if position > first else 0

    def _last_whole(self, first: Position) -> Position:
        """The last position of the last whole group of a segment; below `first` when it has none."""
        with opened(self._log / segment_name(first)) as fd:
            size = os.fstat(fd).st_size
            while size:
                found = last_line(fd, size)
                if found is None:
                    return first - 1
                byte, line = found
                head = header(line)
                if head is not None and head.position == head.last:
                    return head.position
                if head is not None:
                    return head.first - 1
                size = byte  # a torn line; the ones before it may be whole
            return first - 1

    def _indexed(self, subject: str) -> tuple[set[Position], Position]:
        """(segments that hold a stream, how far that is known); nothing without a usable index."""
        try:
            with contextlib.closing(Index.read_only(index_path(self.directory))) as index:
                return set(index.segments(subject)), index.reached[0]
        except sqlite3.Error:
            return set(), 0

    def _lines(self, lines: list[bytes], first: Position, byte: int) -> Lines:
        return Lines(lines, lambda some: self._events(some, first, byte))

    @staticmethod
    def _events(lines: list[bytes], first: Position, byte: int) -> list[Event]:
        try:
            return events_in(lines)
        except BrokenLine as error:
            raise LogCorrupt(segment=segment_name(first), line=0, byte=byte, detail=str(error)) from error


def _followed(
    fd: int, first: Position, position: Position, start: int, end: int, size: int
) -> Iterator[tuple[list[bytes], int]]:
    """(lines, byte of the first one) from a known place on, never empty. Ends before an unfinished tail; raises
    `LogCorrupt` at a wrong line, after the good ones before it."""
    scan = Scan(position)
    scan.byte = start
    for block in blocks(fd, start, end, size):
        if scan.index == 0 and (head := header(block.lines[0])) is not None:
            scan.index, scan.size = head.index, head.size  # a read may begin inside of a group
        before = scan.position
        fault = scan.take(block)
        if scan.position > before:
            yield block.lines[: scan.position - before], block.byte
        if fault is not None:
            if not block.terminated and fault.kind == "unfinished":
                return
            raise LogCorrupt(segment=segment_name(first), line=0, byte=fault.byte, detail=fault.detail)


def _line_end(fd: int, byte: int, end: int) -> int:
    """Where the line that holds `byte` ends, its line feed included; `end` when none does before."""
    while byte < end:
        read = os.pread(fd, min(64 * 1024, end - byte), byte)
        found = read.find(b"\n")
        if found >= 0:
            return byte + found + 1
        if not read:
            break
        byte += len(read)
    return end
