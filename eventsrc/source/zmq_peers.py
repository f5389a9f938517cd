"""What libzmq tells about the connections of one socket → what is worth an event. Pure.

A subscriber connects: its broker is there once the ZeroMQ handshake succeeded, since a TCP connection alone may lead
to the wrong port. A puller is connected to: there every accepted connection is somebody who came.
"""

from __future__ import annotations

import enum

import msgspec


class Seen(enum.Enum):
    """The part of libzmq's monitor events that matters here; the values are those of its C header."""

    CONNECTED = 0x0001
    RETRIED = 0x0004
    ACCEPTED = 0x0020
    DISCONNECTED = 0x0200
    HANDSHAKE_FAILED = 0x0800
    HANDSHAKE_SUCCEEDED = 0x1000
    HANDSHAKE_PROTOCOL = 0x2000
    HANDSHAKE_AUTH = 0x4000

    @classmethod
    def mask(cls) -> int:
        """All of them, for the monitor."""
        return sum(one.value for one in cls)


class Change(msgspec.Struct, frozen=True):
    """A connection came or went."""

    kind: str
    """`connected` or `disconnected`."""
    connection: int
    """Counted from 1 since the socket was opened."""
    connections: int
    """How many there are now."""


class Publisher:
    """The one connection of a subscriber."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._number = 0
        self.connections = 0
        self.refused = False
        """The other side is no publisher. libzmq does not try again then; whoever asks clears it and does."""
        self.problem = f"no broker on {endpoint} yet"

    def take(self, seen: Seen, _fd: int) -> Change | None:
        """One monitor event, in order."""
        if seen is Seen.HANDSHAKE_SUCCEEDED and not self.connections:
            self._number += 1
            self.connections, self.refused, self.problem = 1, False, ""
            return Change("connected", self._number, 1)
        if seen is Seen.DISCONNECTED and self.connections:
            self.connections, self.problem = 0, f"the broker on {self._endpoint} is gone"
            return Change("disconnected", self._number, 0)
        if seen in (Seen.DISCONNECTED, Seen.HANDSHAKE_FAILED, Seen.HANDSHAKE_PROTOCOL, Seen.HANDSHAKE_AUTH):
            self.refused = True
            self.problem = f"what listens on {self._endpoint} is no publisher: is it the broker's other port?"
        return None


class Pushers:
    """The connections of a puller, known by libzmq's descriptors, which are given away again."""

    problem = ""
    refused = False

    def __init__(self) -> None:
        self._number = 0
        self._open: dict[int, int] = {}

    @property
    def connections(self) -> int:
        return len(self._open)

    def take(self, seen: Seen, fd: int) -> Change | None:
        """One monitor event, in order."""
        if seen is Seen.ACCEPTED:
            self._number += 1
            self._open[fd] = self._number
            return Change("connected", self._number, len(self._open))
        if seen is Seen.DISCONNECTED and fd in self._open:
            number = self._open.pop(fd)
            return Change("disconnected", number, len(self._open))
        return None
