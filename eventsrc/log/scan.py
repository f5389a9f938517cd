"""Following the lines of one segment: is this the line that must come next?

Used by opening (the newest segment), `verify` (all of them) and readers (what they hand over). The check of one line is
its checksum and its first members against what is expected; JSON is not decoded, because a line with the right checksum
is the line that was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final, Literal, TypeAlias
from zlib import crc32

import msgspec

from eventsrc.event import Position
from eventsrc.limits import BLOCK_BYTES
from eventsrc.log.codec import CHECKSUM_BYTES, OPENING, endings, header_template, is_sound

HEADER: Final = re.compile(
    rb'\{"specversion":"1\.0","sequence":"(\d{20})","batchindex":(0|[1-9]\d{0,8}),"batchsize":([1-9]\d{0,8}),'
)

_ENDING: Final = -CHECKSUM_BYTES - 1  # where the checksum begins in a line with its line feed
_RUN_LINES = 8  # lines of a group that are cheaper to check together

Kind: TypeAlias = Literal["unfinished", "zeros", "checksum", "sequence", "group", "line"]


class Header(msgspec.Struct, frozen=True, gc=False):
    """The first members of a line."""

    position: Position
    index: int
    size: int

    @property
    def first(self) -> Position:
        """The first position of the group that the line belongs to."""
        return self.position - self.index

    @property
    def last(self) -> Position:
        return self.first + self.size - 1


class Fault(msgspec.Struct, frozen=True):
    """Why a line is not the one that must stand there."""

    line: int
    """Counted from 1."""
    byte: int
    """Where the line begins in its segment."""
    kind: Kind
    detail: str


class Block(msgspec.Struct, frozen=True):
    """Consecutive lines of a segment, each with the line feed that ends it."""

    byte: int
    """Where the first of them begins."""
    lines: list[bytes]
    terminated: bool
    """False when the last one has no line feed: the file ends in it."""


def header(line: bytes) -> Header | None:
    """The header of a line; None when it has none."""
    match = HEADER.match(line)
    return Header(int(match[1]), int(match[2]), int(match[3])) if match else None


def blocks(fd: int, start: int, end: int, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The lines of a file from byte `start` (the beginning of a line) to `end`, about `size` bytes at a time."""
    carried = b""
    byte = start
    while byte + len(carried) < end:
        wanted = max(size, len(carried))  # a line of megabytes is not carried through a hundred reads
        read = os.pread(fd, min(wanted, end - byte - len(carried)), byte + len(carried))
        if not read:
            break  # the file became shorter
        carried += read
        # A file in memory cuts lines with memchr; `split` looks at every byte by itself, for four times the price.
        lines = BytesIO(carried).readlines()
        carried = b"" if lines[-1].endswith(b"\n") else lines.pop()
        if lines:
            yield Block(byte, lines, terminated=True)
            byte += sum(map(len, lines))
    if carried:
        yield Block(byte, [carried], terminated=False)


class Scan:
    """How far a segment has been followed. Between two groups `index` is 0 and `group_byte` equals `byte`."""

    def __init__(self, first: Position) -> None:
        self.position = first
        """The position that must come next."""
        self.byte = 0
        """Where its line must begin."""
        self.line = 1
        self.index = 0
        """Its index in its group."""
        self.size = 0
        """The size of the group that is being followed."""
        self.group_byte = 0
        """Where the first group begins that is not complete yet."""
        self.checksum = 0
        """Of the last sound line."""

    @property
    def group_first(self) -> Position:
        return self.position - self.index

    def take(self, block: Block) -> Fault | None:
        """Follows the lines of the next block; stops before the first line that is wrong, and says why."""
        assert block.byte == self.byte, "blocks are followed in order"
        lines = block.lines if block.terminated else block.lines[:-1]
        ahead = self._take_runs(lines)
        position, index, size, byte = self.position, self.index, self.size, self.byte
        fault: tuple[Kind, str] | None = None
        taken = 0
        for ended in lines[ahead:]:
            line = ended[:-1]
            if index == 0 and (head := header(line)) is not None:
                size = head.size
            checksum = crc32(line[:-CHECKSUM_BYTES])
            if line[-CHECKSUM_BYTES:] != b',"crc32":"%08x"}' % checksum or not line.startswith(
                OPENING + b'%020d","batchindex":%d,"batchsize":%d,' % (position, index, size)
            ):
                fault = _why(line, position, index)
                break
            taken += 1
            position += 1
            byte += len(ended)
            index += 1
            self.checksum = checksum
            if index == size:
                index = 0
                self.group_byte = byte
        self.position, self.index, self.size, self.byte = position, index, size, byte
        self.line += taken
        if fault is None and not block.terminated:
            fault = _why_open(block.lines[-1])
        return Fault(self.line, byte, *fault) if fault else None

    def expect(self, head: Header) -> None:
        """The next line is to be this one, whatever was to come."""
        self.position, self.index, self.size = head.position, head.index, head.size
        if not head.index:
            self.group_byte = self.byte

    def skip(self, line: bytes) -> None:
        """Passes over a line that is wrong."""
        self.byte += len(line)
        self.line += 1

    def _take_runs(self, lines: list[bytes]) -> int:
        """Follows groups as a whole as long as they are large and sound; returns how many lines that were.

        The loop of `take` finds the same, for three times the price, and it finds what is wrong."""
        taken = 0
        while taken < len(lines):
            if self.index == 0:
                head = header(lines[taken])
                if head is None:
                    break
                self.size = head.size
            run = lines[taken : taken + self.size - self.index]
            if len(run) < _RUN_LINES:
                break
            checksums = list(map(crc32, [line[:_ENDING] for line in run]))
            if not self._are_next(run) or not all(map(bytes.endswith, run, endings(checksums))):
                break
            taken += len(run)
            self.position += len(run)
            self.index += len(run)
            self.line += len(run)
            self.byte += sum(map(len, run))
            self.checksum = checksums[-1]
            if self.index == self.size:
                self.index = 0
                self.group_byte = self.byte
        return taken

    def _are_next(self, run: list[bytes]) -> bool:
        """Whether the lines begin as the next ones of their group must begin."""
        fill = (header_template(self.position, len(run)) + b"%d," % self.size).__mod__
        places = zip(range(self.position, self.position + len(run)), range(self.index, self.size), strict=False)
        return all(map(bytes.startswith, run, map(fill, places)))


def _why(line: bytes, position: Position, index: int) -> tuple[Kind, str]:
    if not line.strip(b"\0"):
        return "zeros", f"{len(line)} zero bytes"
    if not is_sound(line):
        return "checksum", f"the checksum does not match (position {position} is expected here)"
    head = header(line)
    if head is None:
        return "line", "this is not an event of a log"
    if head.position != position:
        return "sequence", f"position {position} is expected here, not {head.position}"
    return "group", f"line {index} of a batch is expected here, not line {head.index} of {head.size}"


def _why_open(line: bytes) -> tuple[Kind, str]:
    if not line.strip(b"\0"):
        return "zeros", f"{len(line)} zero bytes at the end"
    return "unfinished", "the last line has no end"


def other_group(rest: Iterable[Block], group_first: Position) -> int | None:
    """The byte of a sound line that does not belong to the group which begins at `group_first`; None without one.

    `rest` is what follows the last complete group. Only one group is ever under way, so such a line proves that the
    damage before it is not the trace of a crash. A line feed may be what is damaged: lines are looked for inside
    longer ones too.
    """
    for block in rest:
        byte = block.byte
        for line in block.lines:
            begin = line.find(OPENING)
            while begin >= 0:
                candidate = line[begin:].removesuffix(b"\n")
                head = header(candidate)
                if head is not None and head.first != group_first and is_sound(candidate):
                    return byte + begin
                begin = line.find(OPENING, begin + 1)
            byte += len(line)
    return None
