"""What there is outside of the store: a file that an agent writes, a spool, batches of a program; and the witness.

The witness remembers, outside of the data directory, what was acknowledged.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from eventsrc.actor import Ticket
from eventsrc.event import Appended, Envelope, Event, Record
from eventsrc.log import Batch, LogReader
from eventsrc.log.draft import draft
from eventsrc.log.drafts import in_columns
from eventsrc.testing.generate import generate_sse_lines

LINES = [line.rstrip(b"\n") for line in generate_sse_lines(90, 5, claude=1, codex=1)]
SPOOLED = [b'{"hook_event_name":"Notification","session_id":"s","message":"note %d"}' % number for number in range(6)]
BATCHES, BATCH = 6, 12
"""Batches of a program, and the events of each."""


class World:
    """One folder with everything; what happens in it outside of the store happens in two halves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.file = folder / "agent" / "sse_lines.jsonl"
        self.spool = folder / "spool"
        self.witness = folder / "witness"

    def begin(self) -> None:
        """The first half: an agent has written some lines, and some hooks have left their records."""
        self.file.parent.mkdir(parents=True)
        self.spool.mkdir()
        self._grow(len(LINES) // 2, range(len(SPOOLED) // 2))

    def complete(self) -> None:
        """The other half. May be called again."""
        if self.file.stat().st_size < sum(len(line) + 1 for line in LINES):
            self._grow(len(LINES), range(len(SPOOLED) // 2, len(SPOOLED)))

    def _grow(self, lines: int, spooled: range) -> None:
        for number in spooled:
            unfinished = self.spool / f".{number}"
            unfinished.write_bytes(SPOOLED[number])
            unfinished.rename(self.spool / f"{number}.json")
        here = self.file.read_bytes().count(b"\n") if self.file.exists() else 0
        with self.file.open("ab") as file:
            file.writelines(line + b"\n" for line in LINES[here:lines])

    def batches(self) -> list[Batch]:
        """What the program appends: all of it again in every life, because it does not know what became of it."""
        envelope = Envelope("test.note", "notes")
        return [
            Batch(
                in_columns(
                    draft(Record("urn:test", b'"%d"' % number, f"{number}", unique=True), envelope)
                    for number in numbers
                )
            )
            for numbers in (range(first, first + BATCH) for first in range(0, BATCHES * BATCH, BATCH))
        ]

    def ticket(self) -> Witnessed:
        """For a batch whose acknowledgement is to be remembered."""
        return Witnessed(self.witness)

    def remember(self) -> Outside:
        """What is outside of the store now."""
        spooled = {path.name: path.read_bytes() for path in self.spool.iterdir()}
        told = self.witness.read_bytes() if self.witness.exists() else b""
        return Outside(self.file.stat().st_size, spooled, told)

    def restore(self, outside: Outside) -> None:
        """Back to what was remembered. The agent's file stays the same file, because the store knows it by that."""
        os.truncate(self.file, outside.size)
        for path in self.spool.iterdir():
            path.unlink()
        for name, content in outside.spooled.items():
            (self.spool / name).write_bytes(content)
        self.witness.write_bytes(outside.told)

    def acknowledged(self) -> int:
        """The last position that somebody was told."""
        told = self.witness.read_text().split() if self.witness.exists() else []
        return max(map(int, told), default=0)


class Outside(msgspec.Struct, frozen=True):
    """What is outside of the store at one time."""

    size: int
    """Bytes of the agent's file."""
    spooled: dict[str, bytes]
    told: bytes
    """What the witness heard."""


class Witnessed(Ticket[Appended]):
    """Writes the answer down before anybody else hears it."""

    __slots__ = ("_witness",)

    def __init__(self, witness: Path) -> None:
        super().__init__()
        self._witness = witness

    def set(self, value: Appended) -> None:
        fd = os.open(self._witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(fd, b"%d\n" % max(value.positions))  # one call: it is there whole, or not
        os.close(fd)
        super().set(value)


def events(data: Path) -> Iterator[Event]:
    """Everything that is in a log."""
    reader, found = LogReader(data), 0
    while some := reader.read(found):
        yield from some
        found += len(some)


class Kept:
    """What of the world is in the log, and whether it is there as it should be."""

    def __init__(self, data: Path) -> None:
        self.lines: list[bytes] = []
        self.spooled: Counter[bytes] = Counter()
        self.notes: list[int] = []
        self.head = 0
        for event in events(data):
            self.head += 1
            if event.source.startswith("file:"):
                self.lines.append(event.raw)
            elif event.source == "urn:test":
                self.notes.append(int(event.id))
            else:
                self.spooled[event.raw] += 1

    def is_sound(self) -> None:
        """A part of the world, without a gap, a doubled record or half a batch; raises AssertionError."""
        assert self.lines == LINES[: len(self.lines)]
        assert self.notes == list(range(len(self.notes))) and len(self.notes) % BATCH == 0
        assert set(self.spooled) <= set(SPOOLED) and set(self.spooled.values()) <= {1}

    def is_whole(self) -> None:
        """The whole world, once; raises AssertionError."""
        self.is_sound()
        assert (len(self.lines), len(self.notes), len(self.spooled)) == (len(LINES), BATCH * BATCHES, len(SPOOLED))
