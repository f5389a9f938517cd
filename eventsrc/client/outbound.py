"""The client's bounded queue, and the count of what became of everything that was put into it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from eventsrc.client.receipt import Receipt, State
from eventsrc.limits import CLIENT_BYTES


class Message(msgspec.Struct, frozen=True):
    """One line on its way."""

    line: bytes
    receipt: Receipt


class Stats(msgspec.Struct, frozen=True):
    """Everything that was sent is in exactly one of these."""

    waiting: int
    """Queued, or on its way."""
    delivered: int
    """Durable in the log; over ZeroMQ: handed to ZeroMQ."""
    dropped: int
    """There was no room, or no time left at the end."""
    refused: int
    """The recorder will not take it; its receipt says why."""


class Outbound:
    """Threads put, one thread takes. `CLIENT_BYTES` bound the memory whatever the number of messages."""

    def __init__(self, most: int) -> None:
        self.changed = threading.Condition()
        self._most = most
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._taken = 0
        self._counts = dict.fromkeys(State, 0)
        self._closed = ""

    @property
    def stats(self) -> Stats:
        """At one instant."""
        with self.changed:
            count = self._counts
            waiting = len(self._waiting) + self._taken
            return Stats(waiting, count[State.DELIVERED], count[State.DROPPED], count[State.REFUSED])

    def put(self, line: bytes, wait: float) -> Receipt:
        """Queues a line; after `wait` seconds without room it is dropped."""
        receipt = Receipt(self.changed)
        message = Message(line, receipt)
        with self.changed:
            if self.changed.wait_for(lambda: self._closed or self._has_room(line), wait) and not self._closed:
                self._waiting.append(message)
                self._bytes += len(line)
                self.changed.notify_all()
            else:
                self._settle([message], State.DROPPED, reason=self._closed or "the queue is full")
        return receipt

    def take(self, most: int, most_bytes: int, seconds: float) -> list[Message]:
        """The oldest ones, at least one; none after `seconds` without any. They stay counted until settled."""
        with self.changed:
            self.changed.wait_for(lambda: bool(self._waiting or self._closed), seconds)
            taken: list[Message] = []
            size = 0
            while self._waiting and len(taken) < most and (not taken or size < most_bytes):
                taken.append(self._waiting.popleft())
                size += len(taken[-1].line)
            self._taken += len(taken)
            return taken

    def delivered(self, messages: Sequence[Message], positions: Sequence[int | None]) -> None:
        """What was taken has arrived."""
        with self.changed:
            for message, position in zip(messages, positions, strict=True):
                self._done(message, State.DELIVERED, position)
            self.changed.notify_all()

    def failed(self, messages: Sequence[Message], state: State, reason: str) -> None:
        """What was taken was dropped or refused."""
        with self.changed:
            for message in messages:
                self._done(message, state, reason=reason)
            self.changed.notify_all()

    def until_empty(self, seconds: float | None) -> bool:
        """Waits until nothing is queued or on its way; False when that took too long."""
        with self.changed:
            return self.changed.wait_for(lambda: not (self._waiting or self._taken), seconds)

    def close(self, reason: str) -> None:
        """Drops what is queued; nothing more gets in."""
        with self.changed:
            self._closed = reason
            self._settle(self._waiting, State.DROPPED, reason=reason)
            self._waiting.clear()
            self._bytes = 0
            self.changed.notify_all()

    def rest(self, until: float) -> None:
        """Waits for a moment of `time.monotonic()`, or for `close`."""
        with self.changed:
            self.changed.wait_for(lambda: bool(self._closed), max(0.0, until - time.monotonic()))

    @property
    def closed(self) -> bool:
        """Nothing gets in any more."""
        return bool(self._closed)

    def _has_room(self, line: bytes) -> bool:
        held = len(self._waiting) + self._taken
        return held < self._most and (not held or self._bytes + len(line) <= CLIENT_BYTES)

    def _done(self, message: Message, state: State, position: int | None = None, reason: str = "") -> None:
        self._taken -= 1
        self._bytes -= len(message.line) if not self._closed else 0
        message.receipt.settle(state, position, reason)
        self._counts[state] += 1

    def _settle(self, messages: Sequence[Message], state: State, *, reason: str) -> None:
        for message in messages:
            message.receipt.settle(state, reason=reason)
            self._counts[state] += 1
