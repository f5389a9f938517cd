"""Agents that talk over ZeroMQ, overheard: a subscription to their broker, and a socket that they push to.

Nothing here is acknowledged, because ZeroMQ has no such word: what was received and not yet durable is lost with this
process. What can be known to be lost is told: a broker that went and came back, messages that found no room, numbers
that are missing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import anyio
import msgspec

from eventsrc import limits
from eventsrc.actor import Ticket
from eventsrc.errors import TryAgain
from eventsrc.event import Appended, Record
from eventsrc.source.port import Cursors, Deliver, SourcePosition
from eventsrc.source.zmq_link import Counts, Link
from eventsrc.source.zmq_socket import Inlet, context


class Endpoints(msgspec.Struct, frozen=True):
    """Where to listen. An empty one is left out."""

    subscribe: str = ""
    """Where the broker publishes (its XPUB side), e.g. `tcp://127.0.0.1:5556`."""
    pull: str = ""
    """Where agents push to, e.g. `tcp://127.0.0.1:5557`."""
    topics: Sequence[str] = ()
    """Prefixes of topics; none: everything."""


class Listen:
    """Records what comes until `stop`; then receives what was sent before, and ends when all of it is durable."""

    kind = "zmq"

    def __init__(self, endpoints: Endpoints, cursors: Cursors) -> None:
        self.name = f"zmq:{endpoints.subscribe},{endpoints.pull}"
        self._endpoints = endpoints
        self._cursors = cursors
        self._stopping = anyio.Event()
        self._links: list[Link] = []

    def stop(self) -> None:
        """Asks `run` to end."""
        self._stopping.set()

    def positions(self) -> list[SourcePosition]:
        """One per socket; `problem` says when a broker is not there."""
        return [
            SourcePosition(self.kind, link.inlet.uri, None, link.intake.bytes, link.inlet.peers.problem)
            for link in self._links
        ]

    def counts(self, socket: str) -> Counts:
        """Of the socket `sub` or `pull`; zeros when there is none."""
        return next((link.counts for link in self._links if link.inlet.kind == socket), Counts())

    def connections(self, socket: str) -> int:
        """How many there are now at `sub` or `pull`."""
        return sum(link.inlet.peers.connections for link in self._links if link.inlet.kind == socket)

    async def run(self, deliver: Deliver) -> None:
        """Raises EndpointUnusable, and what the log raises except `TryAgain`."""
        zmq = context()
        inlets: list[Inlet] = []
        try:
            if self._endpoints.subscribe:
                inlets.append(Inlet(zmq, self._endpoints.subscribe, self._endpoints.topics))
            if self._endpoints.pull:
                inlets.append(Inlet(zmq, self._endpoints.pull, None))
            self._links = [Link(inlet, uuid.uuid4().hex, self._cursors) for inlet in inlets]
            async with anyio.create_task_group() as group:
                for link in self._links:
                    group.start_soon(_hand_over, link, deliver)
                    group.start_soon(link.run, self._stopping)
        finally:
            for inlet in inlets:
                inlet.close()
            zmq.term()


async def _hand_over(link: Link, deliver: Deliver) -> None:
    """One batch after the other, each durable before the next: what waits meanwhile makes the next one larger."""
    while records := await link.intake.take(limits.CATCHUP_EVENTS, limits.BATCH_BYTES):
        link.tell_overflow()
        await _make_durable(records, deliver)


async def _make_durable(records: Sequence[Record], deliver: Deliver) -> None:
    while True:
        try:
            ticket: Ticket[Appended] = await deliver(records)
            await ticket.wait()
            return
        except TryAgain:
            await anyio.sleep(limits.DISK_FULL_RETRY_SECONDS)
