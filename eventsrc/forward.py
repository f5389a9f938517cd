"""A plain XSUB/XPUB forwarder, for a mesh of agents that has none. It forwards and remembers nothing.

Agents publish to one side and subscribe on the other; topics are matched by prefix. Whoever is too slow for the
others misses messages: that is what publishing means in ZeroMQ, and the forwarder does not hide it.
"""

from __future__ import annotations

import os
import signal
import threading

import zmq

from eventsrc.errors import EndpointUnusable
from eventsrc.limits import BROKER_HWM, BROKER_LINGER_MS

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
        """Forwards until a signal; what is on its way then is still sent, as far as somebody takes it.

        Forwarding is a loop inside libzmq, which a signal interrupts only while it waits. So it has a thread of its
        own, signals are waited for here, and the loop is told over a socket."""
        steer, steered = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        steered.bind("inproc://steer")
        steer.connect("inproc://steer")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        thread = threading.Thread(target=zmq.proxy_steerable, args=(self._xsub, self._xpub, None, steered))
        thread.start()
        try:
            signal.sigwait(_SIGNALS)
            steer.send(b"TERMINATE")
            thread.join()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

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
