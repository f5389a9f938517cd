"""Following a segment to its end, whatever is wrong in it: for `verify`, which tells of everything and mends nothing.

After a line that is wrong the survey goes on at the next one that carries its own checksum and says where it belongs.
"""

from __future__ import annotations

from eventsrc.errors import BrokenLine
from eventsrc.event import Position
from eventsrc.limits import VERIFY_FAULTS
from eventsrc.log.codec import event_in, is_sound
from eventsrc.log.scan import Block, Fault, Header, Scan, header


class Survey:
    """What is found in one segment. Blocks are taken in order."""

    def __init__(self, first: Position) -> None:
        self.scan = Scan(first)
        self.faults: list[Fault] = []
        """In the order of the file; VERIFY_FAULTS at most."""
        self.events = 0
        """Lines that carry their checksum, wherever they stand."""
        self.whole: tuple[int, Position] | None = None
        """Where the last group ended that is whole and before everything that is wrong: (byte, the position that must
        follow); None when nothing is wrong."""
        self._lost = False

    def take(self, block: Block) -> None:
        """Follows the lines of the next block."""
        while block.lines and len(self.faults) < VERIFY_FAULTS:
            if self._lost:
                self._go_on(block.lines[0])
            before = self.scan.line
            fault = self.scan.take(block)
            taken = self.scan.line - before
            self._decode(block.lines[:taken], before, block.byte)
            if fault is None:
                return
            self._tell(fault)
            rest = Block(self.scan.byte, block.lines[taken:], block.terminated)
            block = self._past(rest) if block.terminated else Block(rest.byte, [], False)

    def _tell(self, fault: Fault) -> None:
        if self.whole is None:
            self.whole = (self.scan.group_byte, self.scan.group_first)
        self.faults.append(fault)

    def _past(self, rest: Block) -> Block:
        """What is left after a wrong line was told of: itself too when it only stands in the wrong place."""
        line = rest.lines[0]
        head = _sound_header(line)
        if head is not None:
            self.scan.expect(head)
            return rest
        self.scan.skip(line)
        self._lost = True
        return Block(self.scan.byte, rest.lines[1:], rest.terminated)

    def _go_on(self, line: bytes) -> None:
        """How many events a wrong line stood for nobody knows: one or several that follow it are not wrong for that."""
        self._lost = False
        head = _sound_header(line)
        if head is not None and head.position >= self.scan.position:
            self.scan.expect(head)

    def _decode(self, lines: list[bytes], number: int, byte: int) -> None:
        """Tells of lines that carry their checksum and are no event all the same: they were written wrong."""
        self.events += len(lines)
        for line in lines:
            try:
                event_in(line)
            except BrokenLine as error:
                self._tell(Fault(number, byte, "line", str(error)))
            number += 1
            byte += len(line)


def _sound_header(line: bytes) -> Header | None:
    return header(line) if is_sound(line.removesuffix(b"\n")) else None
