"""The newest part of the log, shared by everyone who follows it live.

One task reads each page of new events once; every client holds only a position. A client whose position is older than
what is held reads the log itself until it has caught up: there is no hand-over at which an event could be missed. A
client that *was* live and fell behind what is held does not read: that is the bounded queue of each client, without a
copy for each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio

from eventsrc.errors import QueueFull
from eventsrc.event import Position
from eventsrc.http.port import Line, Reads
from eventsrc.limits import READ_EVENTS, STREAM_CLIENTS, STREAM_PAGE_BYTES, STREAM_QUEUE, STREAM_QUEUE_BYTES


class Live:
    """Holds the newest pages while somebody listens. `run` until `stop`."""

    def __init__(self, log: Reads, told: Callable[[int], None] = lambda _clients: None) -> None:
        """`told` hears how many clients there are, whenever that changes."""
        self._log = log
        self._told = told
        self._pages: deque[Sequence[Line]] = deque()
        self._bytes = 0
        self._clients = 0
        self._changed = anyio.Event()
        self._joined = anyio.Event()
        self.stopping = False
        self.floor: Position = 0
        """Events after this one, up to the tail, are held."""
        self.tail: Position = 0

    async def run(self) -> None:
        """Reads every page once; costs nothing while nobody listens. Ends by cancellation."""
        while True:
            if not self._clients:
                self._joined = anyio.Event()
                await self._joined.wait()
            tail = self.tail
            await self._log.beyond(tail)
            page = await self._log.read(tail, READ_EVENTS, STREAM_PAGE_BYTES)
            if tail == self.tail and page:  # else everyone left meanwhile and somebody else came
                self._add(page)

    def admit(self) -> None:
        """Raises `QueueFull` past `limits.STREAM_CLIENTS`."""
        if self._clients >= STREAM_CLIENTS:
            raise QueueFull(name="live-stream clients")

    @contextmanager
    def client(self) -> Iterator[None]:
        """Counts a client in for as long as it listens. Raises like `admit`."""
        self.admit()
        if not self._clients:
            self._start_at(self._log.head)
        self._clients += 1
        self._told(self._clients)
        self._joined.set()
        try:
            yield
        finally:
            self._clients -= 1
            self._told(self._clients)
            if not self._clients:
                self._start_at(self.tail)  # lets go of the memory

    def after(self, position: Position) -> Sequence[Line]:
        """The rest of the page that follows `position`, which lies at or after the floor and before the tail."""
        assert self.floor <= position < self.tail, f"{position} is not between {self.floor} and {self.tail}"
        page = next(page for page in self._pages if page[-1].position > position)
        return page if page[0].position > position else page[position + 1 - page[0].position :]

    async def change(self, seconds: float) -> bool:
        """Waits until there is a new page or the end has come; False when `seconds` passed first."""
        with anyio.move_on_after(seconds):
            await self._changed.wait()
            return True
        return False

    def stop(self) -> None:
        """Lets every client say goodbye."""
        self.stopping = True
        self._wake()

    def _add(self, page: Sequence[Line]) -> None:
        assert page[0].position == self.tail + 1, "a page does not follow the one before it"
        self._pages.append(page)
        self._bytes += _size(page)
        self.tail = page[-1].position
        while len(self._pages) > 1 and (len(self._pages) > STREAM_QUEUE or self._bytes > STREAM_QUEUE_BYTES):
            oldest = self._pages.popleft()
            self._bytes -= _size(oldest)
            self.floor = oldest[-1].position
        self._wake()

    def _start_at(self, position: Position) -> None:
        self._pages.clear()
        self._bytes = 0
        self.floor = self.tail = position

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _size(page: Sequence[Line]) -> int:
    return sum(len(line.text) for line in page)
