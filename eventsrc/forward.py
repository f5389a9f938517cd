"""A plain XSUB/XPUB forwarder, for a mesh of agents that has none. It forwards and remembers nothing.

Agents publish to one side and subscribe on the other; topics are matched by prefix. Whoever is too slow for the
others misses messages: that is what publishing means in ZeroMQ, and the forwarder does not hide it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

import zmq

from eventsrc.errors import EndpointUnusable
from eventsrc.limits import BROKER_HWM, BROKER_LINGER_MS

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Asked(Exception):
    """A signal asks to end."""


class Forward:
    """Both sockets, bound. Used in a `with`; `run` works in the main thread until SIGTERM or SIGINT."""

    def __init__(self, xsub: str, xpub: str) -> None:
        """Where agents publish to and where they subscribe, e.g. `tcp://127.0.0.1:5555`. Raises EndpointUnusable."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.linger = BROKER_LINGER_MS
        try:
            self._xsub = self._bound(zmq.XSUB, xsub)
            self._xpub = self._bound(zmq.XPUB, xpub)
        except EndpointUnusable:
            self._context.destroy(linger=0)
            raise

    @property
    def endpoints(self) -> tuple[str, str]:
        """Where it really listens: (publish to, subscribe from)."""
        return self._xsub.getsockopt_string(zmq.LAST_ENDPOINT), self._xpub.getsockopt_string(zmq.LAST_ENDPOINT)

    def run(self) -> None:
        """Forwards until a signal; what is on its way then is still sent, as far as somebody takes it."""
        before = {number: signal.signal(number, _ask) for number in _SIGNALS}
        try:
            zmq.proxy(self._xsub, self._xpub)
        except _Asked:
            return
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_error: object) -> None:
        self._context.destroy()

    def _bound(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.RCVHWM, BROKER_HWM)
        socket.setsockopt(zmq.SNDHWM, BROKER_HWM)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            socket.close(linger=0)
            raise EndpointUnusable(endpoint=endpoint, reason=os.strerror(error.errno or 0)) from error
        return socket


def _ask(_number: int, _frame: FrameType | None) -> None:
    raise _Asked
