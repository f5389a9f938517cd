"""The log as portions: read once for all read models that stand at the same place.

A feed is shared by every projector of a process and may be used from any thread.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from eventsrc.event import Event, Position
from eventsrc.limits import APPLY_EVENTS, PARALLEL_BYTES, PORTION_BYTES, PORTIONS_KEPT
from eventsrc.plugin import Reading
from eventsrc.projector.parallel import decoded, processors
from eventsrc.projector.portion import DeadLetter, Join, Portion, Reads, portion_of, reading_of


class LogFiles(Protocol):
    """What is needed of the log: `eventsrc.log.LogReader` in the service. It reads files, not the writer's memory."""

    def head(self) -> Position: ...

    def read(
        self, after: Position, *, until: Position | None = None, max_events: int, max_bytes: int
    ) -> list[Event]: ...

    def run(self, after: Position, *, until: Position, max_events: int, max_bytes: int) -> Sequence[Event]:
        """The same, or fewer; they may be decoded when they are asked for."""
        ...

    def chunks(self, after: Position, until: Position, size: int = PORTION_BYTES) -> Iterable[Any]:
        """The same events cut into runs of neighbours of about `size` bytes. A chunk has `start_byte` and `end_byte`
        and can be pickled."""
        ...

    def read_chunk(self, chunk: Any) -> Sequence[Event]: ...


Parts: TypeAlias = tuple[LogFiles, Reads, Join]
Opener: TypeAlias = Callable[[], Parts]
"""Opens the log for reading and loads the formats. Picklable (a function of a module, or a `functools.partial` of one)
when worker processes are to be used, because each of them calls it once."""


class Feed:
    """`workers`: processes that decode for a large rebuild; below 2 everything is decoded here."""

    def __init__(self, opener: Opener, *, workers: int | None = None, kept: int = PORTIONS_KEPT) -> None:
        self._opener = opener
        self._workers = processors() if workers is None else workers
        self._log, self._formats, self._join = opener()
        self._kept = kept
        self._portions: OrderedDict[Position, Portion] = OrderedDict()
        self._lock = threading.Lock()  # whoever comes second waits for the first one's portion and takes it

    def head(self) -> Position:
        """The last position that is in the files."""
        with self._lock:
            return self._log.head()

    def portion(self, after: Position, until: Position) -> Portion:
        """The next portion after `after`: at most APPLY_EVENTS events and about PORTION_BYTES.

        `until` is a position that is known to be in the files.
        """
        assert after < until, f"nothing to read after {after} up to {until}"
        with self._lock:
            kept = self._portions.get(after)
            if kept is not None and kept.last <= until:
                return kept
            events = self._log.run(after, until=until, max_events=APPLY_EVENTS, max_bytes=PORTION_BYTES)
            assert events, f"the log has nothing after {after}, although it reached {until}"
            portion = portion_of(events, self._formats, self._join)
            if self._kept:
                self._portions[after] = portion
                if len(self._portions) > self._kept:
                    self._portions.popitem(last=False)
            return portion

    def singles(self, after: Position, until: Position) -> Iterator[tuple[Event, Reading | DeadLetter]]:
        """Each event by itself, with its own unjoined reading: how a poison event is found."""
        while after < until:
            with self._lock:
                events = self._log.read(after, until=until, max_events=APPLY_EVENTS, max_bytes=PORTION_BYTES)
                outcomes = [reading_of(event, self._formats) for event in events]
            assert events, f"the log has nothing after {after}, although it reached {until}"
            yield from zip(events, outcomes, strict=True)
            after = events[-1].position

    def digest(self, position: Position) -> str | None:
        """The checksum of the line at `position`; None when the log has no such position."""
        with self._lock:
            if not 1 <= position <= self._log.head():
                return None
            events = self._log.read(position - 1, until=position, max_events=1, max_bytes=1)
        return next((event.crc32 for event in events if event.position == position), None)

    def all(self, after: Position, until: Position) -> Iterator[Portion]:
        """Everything after `after` up to `until`, in order, decoded by worker processes when that pays."""
        log, formats, join = self._opener()  # its own reader: a live projector goes on beside this
        chunks = iter(log.chunks(after, until, PORTION_BYTES) if after < until else ())
        ahead: list[Any] = []
        size = 0
        while size < PARALLEL_BYTES and (chunk := next(chunks, None)) is not None:
            ahead.append(chunk)
            size += chunk.end_byte - chunk.start_byte
        everything = itertools.chain(ahead, chunks)
        if self._workers > 1 and size >= PARALLEL_BYTES:
            yield from decoded(everything, self._opener, self._workers)
        else:
            for chunk in everything:
                yield portion_of(log.read_chunk(chunk), formats, join)
