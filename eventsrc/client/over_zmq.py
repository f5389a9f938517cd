"""Delivery without acknowledgement: messages are handed to ZeroMQ, which says nothing about their fate."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from eventsrc.errors import TryAgain, UsageError
from eventsrc.limits import CLIENT_ZMQ_HWM, CLIENT_ZMQ_SEND_MS


class Push:
    """A PUSH socket. It takes messages only while a recorder is connected, so that what waits for one waits in the
    client's own queue, where it is counted."""

    acknowledges = False

    def __init__(self, url: str) -> None:
        """Raises UsageError when ZeroMQ cannot use the endpoint."""
        endpoint = url.replace("zmq+push+ipc://", "ipc://", 1).replace("zmq+push://", "tcp://", 1)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.SNDHWM, CLIENT_ZMQ_HWM)
        self._socket.setsockopt(zmq.SNDTIMEO, CLIENT_ZMQ_SEND_MS)
        self._where = endpoint
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close(0)
            raise UsageError(reason=f"ZeroMQ cannot use {endpoint!r}: {error.strerror}") from error

    def deliver(self, _key: str, lines: Sequence[bytes]) -> Sequence[int | None]:
        """Hands over as many as ZeroMQ takes. Raises TryAgain when it takes none."""
        handed = 0
        try:
            for line in lines:
                self._socket.send(line)
                handed += 1
        except zmq.Again as error:
            if not handed:
                raise TryAgain(reason=f"no recorder takes messages on {self._where}") from error
        return [None] * handed

    def interrupt(self) -> None:
        """Nothing to do: one attempt is short."""

    def close(self, linger: float) -> None:
        """What ZeroMQ holds is sent for so many seconds more; without the limit a program would hang at its end."""
        self._socket.close(linger=int(linger * 1000))
        self._context.term()
