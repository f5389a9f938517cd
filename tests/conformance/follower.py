"""A log as a source sees it: what it is handed, it keeps; a restart begins with the cursors of what was durable."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import msgspec

from eventsrc.actor import Ticket
from eventsrc.errors import EventsrcError
from eventsrc.event import Appended, Cursor, Record
from eventsrc.source.folder import Follow
from eventsrc.source.pace import Pace
from eventsrc.source.port import Report


class Memory:
    """Commits every batch at once, whole or not at all. `refuse` may answer one with an error instead; while `closed`,
    answers wait; `killed` stops it as a crash does: what was committed stays, the answer is lost."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.batches: list[int] = []
        self.refuse: Callable[[int], EventsrcError | None] = lambda number: None
        self.gate = anyio.Event()
        self.gate.set()
        self.waiting = 0
        self.lost_answers = False
        self.late = False
        """Whether batches are decided a while after they were handed over, in order."""
        self.flying_most = 0
        """Batches that were on their way at the same time."""
        self._flying = 0
        self._cursors: dict[str, Cursor] = {}
        self._unique: set[tuple[str, str]] = set()
        self._grown = anyio.Event()
        self._handed = 0

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        assert records, "an empty batch is never handed over"
        self._handed += 1
        ticket: Ticket[Appended] = Ticket()
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        self._flying += 1
        self.flying_most = max(self.flying_most, self._flying)
        decide = partial(self._decide, records, ticket, after, self._handed)
        if self.late:
            asyncio.get_running_loop().call_later(0.002, decide)
        else:
            decide()
        return ticket

    def _decide(
        self, records: Sequence[Record], ticket: Ticket[Appended], after: Ticket[Appended] | None, number: int
    ) -> None:
        self._flying -= 1
        error = self.refuse(number) if after is None or after.failure is None else after.failure
        if error is not None:
            ticket.fail(error)
            return
        self._commit(records)
        if not self.lost_answers:
            ticket.set(Appended(tuple(range(1, len(records) + 1))))

    def cursor(self, key: str) -> Cursor | None:
        return self._cursors.get(key)

    def _commit(self, records: Sequence[Record]) -> None:
        self.batches.append(len(records))
        for record in records:
            identity = (record.source, record.id)
            if not (record.unique and identity in self._unique):
                self.records.append(record)
            self._unique.add(identity)
            if record.cursor is not None:
                self._cursors[record.cursor.split(" ")[0]] = record.cursor
        self._grown.set()
        self._grown = anyio.Event()

    @property
    def lines(self) -> list[bytes]:
        """What files gave, in the order in which it became durable."""
        return [record.data for record in self.records if record.envelope is None]

    @property
    def notices(self) -> list[str]:
        """What was noticed, e.g. `rotated`, in order."""
        return [record.envelope.type.rpartition(".")[2] for record in self.records if record.envelope is not None]

    def notice(self, kind: str) -> dict[str, object]:
        """The facts of the first notice of a kind."""
        for record in self.records:
            if record.envelope is not None and record.envelope.type == f"eventsrc.source.{kind}":
                facts: dict[str, object] = msgspec.json.decode(record.data)
                return facts
        raise AssertionError(f"no notice {kind} among {self.notices}")

    async def until(self, condition: Callable[[Memory], bool], seconds: float = 10.0) -> None:
        """Waits until the log grew to where `condition` holds."""
        with anyio.fail_after(seconds):
            while not condition(self):
                await self._grown.wait()

    async def until_lines(self, count: int) -> None:
        await self.until(lambda log: len(log.lines) >= count)

    async def until_notice(self, kind: str) -> None:
        await self.until(lambda log: kind in log.notices)

    def check(self) -> None:
        """What holds whatever happened: no id twice."""
        identities = [(record.source, record.id) for record in self.records]
        assert len(set(identities)) == len(identities), "an id was recorded twice"


@contextlib.asynccontextmanager
async def following(log: Memory, *targets: Path | str, hints: bool = False) -> AsyncIterator[Follow]:
    """A source that follows the targets while the block runs, looking every 10 ms; then it is stopped properly."""
    source = Follow(targets, log.cursor, hints=hints, pace=Pace(0.01, 0.01))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, log.deliver)
        yield source
        source.stop()
    log.check()


async def read_once(log: Memory, *targets: Path | str) -> Report:
    """Reads the targets to their end, as `ingest` does."""
    source = Follow(targets, log.cursor, once=True)
    with anyio.fail_after(20):
        await source.run(log.deliver)
    log.check()
    return source.report


def append(path: Path, *lines: bytes | str) -> None:
    """Adds lines, each with its line feed."""
    with path.open("ab") as file:
        for line in lines:
            file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")


def overwrite(path: Path, content: bytes) -> None:
    """Writes the file anew, in place."""
    path.write_bytes(content)


def numbered(first: int, last: int) -> list[bytes]:
    """Lines that can be told apart."""
    return [b'{"n":%d}' % number for number in range(first, last + 1)]


def rotate(path: Path, suffix: str = ".1") -> Path:
    """Renames a file as log rotation does."""
    return path.rename(f"{path}{suffix}")


def copy_truncate(path: Path, suffix: str = ".1") -> Path:
    """Copies a file and empties it, as log rotation does for writers that never open again."""
    copy = Path(f"{path}{suffix}")
    shutil.copyfile(path, copy)
    os.truncate(path, 0)
    return copy


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until something holds that a thread brings about, so there is no event to wait for."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.001)


async def log_is_quiet(source: Follow, looks: int = 2) -> None:
    """Returns after so many more looks: what they had to find is found."""
    end = source.work.looks + looks
    await eventually(lambda: source.work.looks >= end)
