"""Batches on their way to the log: a few per file, each tied to the one before it, so that no later batch of a file can
ever be durable without the earlier ones, whatever the log answers."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Sequence

import anyio
import msgspec

from eventsrc.actor import Ticket
from eventsrc.errors import EventsrcError, TryAgain
from eventsrc.event import Appended, Record
from eventsrc.limits import DISK_FULL_RETRY_SECONDS, FLYING_BATCHES
from eventsrc.source.place import Place
from eventsrc.source.port import Deliver
from eventsrc.source.tail import Tail


class _Sent(msgspec.Struct):
    tail: Tail | None
    records: Sequence[Record]
    place: Place | None
    ticket: Ticket[Appended]


class Outbox:
    """Hands batches over and waits for their answers, in order. `settled(tail, records, before)` is told of each that
    became durable; `before` is where the file stood in the log until then."""

    def __init__(self, deliver: Deliver, settled: Callable[[Tail, Sequence[Record], Place | None], None]) -> None:
        self._deliver = deliver
        self._settled = settled
        self._sent: deque[_Sent] = deque()
        self._flying: Counter[str] = Counter()
        self._last: dict[str, Ticket[Appended]] = {}
        """The ticket of the last batch of each file that has batches on their way."""
        self._changed = anyio.Event()

    async def send(self, tail: Tail, records: Sequence[Record], place: Place | None) -> None:
        """Waits until only a few of the file's batches are on their way, then until the log's queue takes this one.
        From then on the file stands at `place` (None: where it stood)."""
        while self._flying[tail.key] >= FLYING_BATCHES:
            await self._changed.wait()
        self._flying[tail.key] += 1
        ticket = await self._hand_over(records, self._last.get(tail.key))
        self._last[tail.key] = ticket
        self._sent.append(_Sent(tail, records, place, ticket))
        if place is not None:
            tail.place = place
        self._tell()

    async def tell(self, record: Record) -> None:
        """Hands over a notice about something that is no followed file."""
        self._sent.append(_Sent(None, [record], None, await self._hand_over([record])))
        self._tell()

    async def run(self) -> None:
        """Takes the answers as they come; raises what the log raises, except `TryAgain`."""
        while True:
            while not self._sent:
                await self._changed.wait()
            sent = self._sent[0]
            await self._answer(sent)
            self._sent.popleft()
            if sent.tail is not None:
                self._durable(sent.tail, sent)
            self._tell()

    def _durable(self, tail: Tail, sent: _Sent) -> None:
        self._flying[tail.key] -= 1
        if not self._flying[tail.key]:
            del self._flying[tail.key], self._last[tail.key]
        before = tail.durable
        if sent.place is not None:
            tail.durable = sent.place
        self._settled(tail, sent.records, before)

    async def until_settled(self) -> None:
        """Returns when everything handed over is durable; `run` must be running."""
        while self._flying or self._sent:
            await self._changed.wait()

    async def until_answered(self) -> None:
        """Returns when every ticket was answered, well or not: nothing is on its way any more."""
        while self._sent:
            with contextlib.suppress(EventsrcError):  # who needs the answer got it; here only its being there counts
                await self._sent.popleft().ticket.wait()

    async def _answer(self, sent: _Sent) -> None:
        while True:
            try:
                await sent.ticket.wait()
                return
            except TryAgain:
                await anyio.sleep(DISK_FULL_RETRY_SECONDS)
                sent.ticket = await self._hand_over(sent.records)  # those behind it were refused too, and follow

    async def _hand_over(self, records: Sequence[Record], after: Ticket[Appended] | None = None) -> Ticket[Appended]:
        while True:
            try:
                return await self._deliver(records, after)
            except TryAgain:
                await anyio.sleep(DISK_FULL_RETRY_SECONDS)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
