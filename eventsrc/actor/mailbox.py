"""A bounded queue in front of an actor: bounded in items and in weight, counted, and safe to cancel.

Underneath is an anyio memory channel, which brings the counting of senders and the end of the stream. Its own waiting
is not used, because it hands an item over to a task before that task runs: if the task is then cancelled natively, the
item is lost. Here both sides first wait (and may be cancelled) and then move the item without a pause, so

* a cancelled `receive` or `drain` has taken nothing,
* a cancelled `send` has sent nothing.

Nobody waits as long as there is something to do, so events are made only for those who do wait.

A mailbox carries batches, never single events: one item costs microseconds whatever is in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectSendStream

from eventsrc.clock import Clock, SystemClock
from eventsrc.errors import QueueFull
from eventsrc.limits import MAILBOX_BATCHES, MAILBOX_BYTES

T = TypeVar("T")


class MailboxStats(msgspec.Struct, frozen=True):
    """What can be seen of a mailbox from outside, at one instant."""

    name: str
    waiting: int
    """Items that nobody has taken yet."""
    waiting_weight: int
    in_total: int
    """Items accepted since the start."""
    out_total: int
    """Items taken since the start."""
    in_hand: int
    """Items taken by the last `receive` or `drain`, until the receiver comes back for more."""
    last_in: float | None
    """Seconds since the epoch; None when nothing came yet."""
    last_out: float | None
    capacity: int
    capacity_weight: int
    senders: int
    """Open senders, the mailbox itself included. Above 0 while an actor should have ended = a forgotten sender."""
    blocked: int
    """Tasks that wait for room: the back-pressure."""


class Mailbox(Generic[T]):
    """Where an actor's work waits. One receiver normally; any number of senders, each with its own end.

    `weigh` says what an item weighs (bytes, normally). A heavier item than `weight` allows travels alone: it is
    accepted when nothing else waits, so no item is ever stuck.
    """

    def __init__(
        self,
        name: str,
        size: int = MAILBOX_BATCHES,
        weigh: Callable[[T], int] = lambda _item: 1,
        *,
        weight: int = MAILBOX_BYTES,
        clock: Clock | None = None,
    ) -> None:
        assert size > 0 and weight > 0, "a mailbox without room would never accept anything"
        self.name = name
        self._size = size
        self._weight = weight
        self._weigh = weigh
        self._clock = clock or SystemClock()
        self._inlet, self._outlet = anyio.create_memory_object_stream[T](size)
        self._weights: deque[int] = deque()  # of what is in the channel, in the same order
        # Senders get room in the order in which they came, so that a heavy item is not overtaken for ever. Taking the
        # lock does not yield: otherwise `send_nowait` would see it held by a sender that does not wait at all.
        self._turn = anyio.Lock(fast_acquire=True)
        self._room: anyio.Event | None = None  # what a sender waits for, when one does
        self._arrival: anyio.Event | None = None  # what a receiver waits for, when one does
        self._waiting_weight = 0
        self._in_total = 0
        self._out_total = 0
        self._finished = 0  # taken before the receiver came back: it is done with those
        self._last_in: float | None = None
        self._last_out: float | None = None

    # --- sending ---

    async def send(self, item: T) -> None:
        """Puts an item in, waiting for room as long as it takes (back-pressure). Cancelled = not sent.

        Raises `anyio.ClosedResourceError` after `close`; a `send` that already waits does so when its turn comes.
        """
        await self._send(self._inlet, item)

    def send_nowait(self, item: T) -> None:
        """Puts an item in, or raises `QueueFull`; never overtakes a sender that waits."""
        self._send_nowait(self._inlet, item)

    def sender(self) -> Sender[T]:
        """A further sending end. The receiver sees the end only after every one of them is closed."""
        return Sender(self, self._inlet.clone())

    def close(self) -> None:
        """Closes the mailbox's own sending end; what waits is still received. Closing twice is harmless."""
        self._close(self._inlet)

    # --- receiving ---

    async def receive(self) -> T:
        """The oldest item; waits for one. Cancelled = nothing taken.

        Raises `anyio.EndOfStream` when every sender is closed and nothing waits.
        """
        await self._something()
        (item,) = self._take(1, self._weights[0])
        return item

    async def drain(self, budget_items: int, budget_weight: int) -> list[T]:
        """Waits for one item, then takes all that is there up to the budget: never empty, in order.

        An item that is heavier than the whole budget comes alone. Raises like `receive`.
        """
        await self._something()
        return self.drain_nowait(budget_items, budget_weight)

    def drain_nowait(self, budget_items: int, budget_weight: int) -> list[T]:
        """What is there now, up to the budget, in order; empty when nothing is."""
        assert budget_items > 0, "a drain without a budget would never end"
        count, weight = 0, 0
        for one in self._weights:
            weight += one
            if count and (count == budget_items or weight > budget_weight):
                weight -= one
                break
            count += 1
        return self._take(count, weight) if count else []

    def finish(self, items: int) -> None:
        """Told by a receiver that takes more before it is done with what it has: so many of the oldest are done."""
        self._finished = min(self._finished + items, self._out_total)

    def stats(self) -> MailboxStats:
        """Numbers for metrics, health and drain reports."""
        return MailboxStats(
            name=self.name,
            waiting=len(self._weights),
            waiting_weight=self._waiting_weight,
            in_total=self._in_total,
            out_total=self._out_total,
            in_hand=self._out_total - self._finished,
            last_in=self._last_in,
            last_out=self._last_out,
            capacity=self._size,
            capacity_weight=self._weight,
            senders=self._outlet.statistics().open_send_streams,
            blocked=self._turn.statistics().tasks_waiting + self._turn.locked(),
        )

    # --- both ends move items without a pause: there is no await between looking and moving ---

    async def _send(self, end: MemoryObjectSendStream[T], item: T) -> None:
        weight = self._weigh(item)
        await asyncio.sleep(0)  # a sender in a loop lets others run; anyio's checkpoint looks for its loop first
        if self._turn.locked() or not self._has_room(weight):
            async with self._turn:
                while not self._has_room(weight):
                    self._room = anyio.Event()
                    await self._room.wait()
                self._put(end, item, weight)
        else:
            self._put(end, item, weight)

    def _send_nowait(self, end: MemoryObjectSendStream[T], item: T) -> None:
        weight = self._weigh(item)
        if self._turn.locked() or not self._has_room(weight):
            raise QueueFull(name=self.name)
        self._put(end, item, weight)

    def _has_room(self, weight: int) -> bool:
        if not self._weights:
            return True
        return len(self._weights) < self._size and self._waiting_weight + weight <= self._weight

    def _put(self, end: MemoryObjectSendStream[T], item: T, weight: int) -> None:
        end.send_nowait(item)
        self._weights.append(weight)
        self._waiting_weight += weight
        self._in_total += 1
        self._last_in = self._clock.now()
        self._wake_receivers()

    async def _something(self) -> None:
        """Returns when an item is there; raises `anyio.EndOfStream` when none will come."""
        self._finished = self._out_total
        await asyncio.sleep(0)  # a receiver that always finds work still lets others run
        while not self._weights:
            if not self._outlet.statistics().open_send_streams:
                raise anyio.EndOfStream
            if self._arrival is None:
                self._arrival = anyio.Event()
            await self._arrival.wait()

    def _take(self, count: int, weight: int) -> list[T]:
        """The oldest `count` items, which weigh `weight` together."""
        taken = [self._outlet.receive_nowait() for _ in range(count)]
        for _ in taken:
            self._weights.popleft()
        self._waiting_weight -= weight
        self._out_total += count
        self._last_out = self._clock.now()
        if self._room is not None:
            self._room.set()
            self._room = None
        return taken

    def _wake_receivers(self) -> None:
        if self._arrival is not None:
            self._arrival.set()
            self._arrival = None

    def _close(self, end: MemoryObjectSendStream[T]) -> None:
        end.close()
        self._wake_receivers()  # the receiver looks again: this may have been the last one

    def __del__(self) -> None:
        # Nobody can reach either end any more, so the channel's "unclosed" warnings would be noise. They do come for
        # a forgotten `Sender`, which has an owner to tell.
        self._inlet.close()
        self._outlet.close()


class Sender(Generic[T]):
    """One of several sending ends of a mailbox, owned by one task. Close it, or use it in a `with`."""

    def __init__(self, mailbox: Mailbox[T], end: MemoryObjectSendStream[T]) -> None:
        """Use `Mailbox.sender`."""
        self._mailbox = mailbox
        self._end = end

    async def send(self, item: T) -> None:
        """As `Mailbox.send`."""
        await self._mailbox._send(self._end, item)

    def send_nowait(self, item: T) -> None:
        """As `Mailbox.send_nowait`."""
        self._mailbox._send_nowait(self._end, item)

    def close(self) -> None:
        """Closes this end only. Closing twice is harmless."""
        self._mailbox._close(self._end)

    def __enter__(self) -> Sender[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
