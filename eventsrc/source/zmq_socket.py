"""One ZeroMQ socket that records come from, and its monitor. The only file of this room that imports pyzmq.

A receive is never cancelled: only the wait for the socket's descriptor is, and messages are then taken without waiting.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from typing import TypeAlias

import anyio
import zmq

from eventsrc import limits
from eventsrc.errors import EndpointUnusable
from eventsrc.source.zmq_frames import uri
from eventsrc.source.zmq_peers import Publisher, Pushers, Seen

Message: TypeAlias = list[bytes]

_EVENT = struct.Struct("=HI")  # first frame of a monitor message: what, and a value (a descriptor)


class Inlet:
    """A subscriber (SUB, connects) or a puller (PULL, binds), open from the beginning."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, topics: Sequence[str] | None) -> None:
        """`topics`: prefixes to subscribe to; None makes it a puller. Raises EndpointUnusable."""
        self.kind = "pull" if topics is None else "sub"
        self.endpoint = endpoint
        self.uri = uri(self.kind, endpoint)
        self.peers = Pushers() if topics is None else Publisher(endpoint)
        self._socket = context.socket(zmq.PULL if topics is None else zmq.SUB)
        self._configure()
        self._monitor = self._socket.get_monitor_socket(Seen.mask())
        try:
            if topics is None:
                self._socket.bind(endpoint)
            else:
                for topic in topics or ("",):
                    self._socket.subscribe(topic)
                self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise EndpointUnusable(endpoint=endpoint, reason=os.strerror(error.errno or 0)) from error

    @property
    def patient(self) -> bool:
        """Whether senders can be made to wait by not receiving; a publisher drops instead."""
        return self.kind == "pull"

    async def messages(self) -> list[Message]:
        """What is there, up to a few hundred messages; waits for one."""
        return await _some(self._socket)

    async def changes(self) -> list[tuple[Seen, int]]:
        """What happened to the connections; waits for something."""
        return [_seen(frames) for frames in await _some(self._monitor)]

    def connect_again(self) -> None:
        """After a refusal; harmless when libzmq is at it."""
        try:
            self._socket.disconnect(self.endpoint)
        except zmq.ZMQError as error:
            if error.errno != errno.ENOENT:
                raise
        self._socket.connect(self.endpoint)

    def close(self) -> None:
        """Drops what was not received."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def _configure(self) -> None:
        options = {
            zmq.RCVHWM: limits.ZMQ_HWM,
            zmq.MAXMSGSIZE: limits.ZMQ_MESSAGE_BYTES,
            zmq.RECONNECT_IVL: limits.ZMQ_RECONNECT_MS,
            zmq.RECONNECT_IVL_MAX: limits.ZMQ_RECONNECT_MOST_MS,
            zmq.HEARTBEAT_IVL: limits.ZMQ_HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: limits.ZMQ_SILENCE_MS,
            zmq.LINGER: 0,
        }
        for option, value in options.items():
            self._socket.setsockopt(option, value)


def context() -> zmq.Context[zmq.Socket[bytes]]:
    """A context of its own; end it with `.term()` after its sockets are closed."""
    return zmq.Context()


async def _some(socket: zmq.Socket[bytes]) -> list[Message]:
    """The descriptor tells of changes, not of a state, so it is waited for only after nothing was found; and never for
    long, should a change have been missed."""
    await anyio.lowlevel.checkpoint()
    while not (taken := _take(socket)):
        with anyio.move_on_after(limits.ZMQ_LOOK_SECONDS):
            await anyio.wait_readable(socket.FD)
    return taken


def _take(socket: zmq.Socket[bytes]) -> list[Message]:
    taken: list[Message] = []
    size = 0
    while len(taken) < limits.BATCH_EVENTS and size < limits.BATCH_BYTES:
        try:
            message = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            break
        taken.append(message)
        size += sum(map(len, message))
    return taken


def _seen(frames: Message) -> tuple[Seen, int]:
    event, value = _EVENT.unpack(frames[0])
    return Seen(event), value
