"""What was received and is not handed over yet: bounded, and what does not fit is counted."""

from __future__ import annotations

from collections import deque

import anyio
import msgspec

from eventsrc.event import Record
from eventsrc.limits import ZMQ_WAITING_BYTES, ZMQ_WAITING_MESSAGES

NOTICES = 1_000  # notices of our own beyond the room of messages, so that a flood does not hide what it displaced


class Overflow(msgspec.Struct, frozen=True):
    """Messages that were received and let go for lack of room."""

    messages: int = 0
    bytes: int = 0


class Intake:
    """First in, first out. Who can make the producer wait asks `room` first; who cannot lets `put` refuse and tells
    the overflow in the place where it happened. Notices of our own find room beyond that of messages."""

    def __init__(self, messages: int = ZMQ_WAITING_MESSAGES, weight: int = ZMQ_WAITING_BYTES) -> None:
        self._most = messages
        self._most_bytes = weight
        self._records: deque[Record] = deque()
        self._closed = False
        self._changed = anyio.Event()
        self.bytes = 0
        self.overflow = Overflow()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def full(self) -> bool:
        return len(self._records) >= self._most or self.bytes >= self._most_bytes

    def put(self, record: Record, *, beyond: bool = False) -> bool:
        """Takes a record; a message that does not fit is counted as overflow. `beyond` the room goes who asked for
        some before and then received a little more than there was."""
        notice = record.envelope is not None
        if self.full and not beyond and not (notice and len(self._records) < self._most + NOTICES):
            if not notice:
                before = self.overflow
                self.overflow = Overflow(before.messages + 1, before.bytes + len(record.data))
            return False
        self._records.append(record)
        self.bytes += len(record.data)
        self._changed.set()
        return True

    def forget_overflow(self) -> Overflow:
        """What overflowed since the last call."""
        overflow, self.overflow = self.overflow, Overflow()
        return overflow

    async def room(self) -> None:
        """Returns when there is room."""
        while self.full:
            await self._change()

    async def take(self, most: int, most_bytes: int) -> list[Record]:
        """The oldest ones, at least one; empty only when it is closed and nothing waits."""
        while not self._records and not self._closed:
            await self._change()
        taken: list[Record] = []
        weight = 0
        while self._records and len(taken) < most:
            weight += len(self._records[0].data)
            if taken and weight > most_bytes:
                break
            taken.append(self._records.popleft())
        self.bytes -= sum(len(record.data) for record in taken)
        self._changed.set()
        return taken

    def close(self) -> None:
        """Nothing more will come; what waits is still taken."""
        self._closed = True
        self._changed.set()

    async def _change(self) -> None:
        """Waits for the next change. Who waits makes the event anew: a message costs no more than setting it."""
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()
