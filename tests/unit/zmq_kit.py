"""Real sockets on loopback for the tests of the ZeroMQ source."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest
import zmq

from eventsrc.event import Record
from eventsrc.source.zmq_listen import Endpoints, Listen
from tests.conformance.follower import Memory

Socket = zmq.Socket[bytes]


def free_endpoint() -> str:
    """An address that nobody uses now. Below the ports that the kernel gives to connections: one that is tried again
    and again before anybody listens would sooner or later be given its own target, and reach itself."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"tcp://127.0.0.1:{port}"


class Mesh:
    """The other side: a context whose sockets live as long as it does and drop what they hold at the end."""

    def __init__(self) -> None:
        self._context: zmq.Context[Socket] = zmq.Context()
        self._sockets: list[Socket] = []

    def socket(self, kind: int) -> Socket:
        """Not bound or connected yet."""
        self._sockets.append(self._context.socket(kind))
        return self._sockets[-1]

    def publisher(self, endpoint: str) -> Socket:
        """A broker's publishing side. An address is free a moment after its socket was closed."""
        made = self.socket(zmq.XPUB)
        deadline = time.monotonic() + 5
        while True:
            try:
                made.bind(endpoint)
                return made
            except zmq.ZMQError:
                assert time.monotonic() < deadline
                time.sleep(0.005)

    def pusher(self, endpoint: str) -> Socket:
        """An agent's pushing side."""
        made = self.socket(zmq.PUSH)
        made.setsockopt(zmq.SNDTIMEO, 5000)
        made.connect(endpoint)
        return made

    def close(self) -> None:
        """Drops everything."""
        self._context.destroy(linger=0)


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    made = Mesh()
    yield made
    made.close()


@contextlib.asynccontextmanager
async def listening(log: Memory, endpoints: Endpoints) -> AsyncIterator[Listen]:
    """A source that listens while the block runs, and is then stopped properly."""
    source = Listen(endpoints, log.cursor)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, log.deliver)
        kinds = ("sub",) * bool(endpoints.subscribe) + ("pull",) * bool(endpoints.pull)
        await log.until(lambda log: log.notices.count("listening") >= len(kinds))
        try:
            yield source
        finally:
            source.stop()
    log.check()


def said(log: Memory) -> list[Record]:
    """The records of messages, without notices."""
    return [record for record in log.records if record.envelope is None]


def notices(log: Memory, kind: str) -> list[dict[str, object]]:
    """The facts of every notice of a kind."""
    return [
        json.loads(record.data)
        for record in log.records
        if record.envelope is not None and record.envelope.type == f"eventsrc.zmq.{kind}"
    ]


async def subscribed(broker: Socket) -> bytes:
    """Waits for the next subscription, as a broker sees it."""
    with anyio.fail_after(5):
        while not broker.poll(0):  # noqa: ASYNC110 - libzmq's own thread brings it about
            await anyio.sleep(0.005)
    return broker.recv()
