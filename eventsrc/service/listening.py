"""The ZeroMQ source in the service: made only when it is configured, so that pyzmq is needed only then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from eventsrc import limits
from eventsrc.actor import Charge, Policy, Stage
from eventsrc.config import ZmqSettings
from eventsrc.errors import EndpointUnusable, ExtraMissing
from eventsrc.metrics import Metrics
from eventsrc.service.pipeline import Pipeline
from eventsrc.source import SourcePosition

if TYPE_CHECKING:
    from eventsrc.source.zmq_listen import Listen

logger = logging.getLogger(__name__)


class Listening:
    """The source across its restarts, for the supervisor, for `status` and for metrics."""

    name = "zmq"

    def __init__(self, settings: ZmqSettings, pipeline: Pipeline, metrics: Metrics) -> None:
        """Raises ExtraMissing where pyzmq is not installed."""
        try:
            from eventsrc.source.zmq_listen import Endpoints, Listen
        except ImportError as error:
            raise ExtraMissing(what="Listening to ZeroMQ", package=error.name or "pyzmq", extra="zmq") from error
        endpoints = Endpoints(settings.subscribe, settings.pull, settings.topics)
        self._make: Callable[[], Listen] = lambda: Listen(endpoints, pipeline.cursor)
        self._source = self._make()
        self._pipeline = pipeline
        self._stopping = anyio.Event()
        self._problem: SourcePosition | None = None
        for socket in ("sub", "pull"):
            self._measure(socket, metrics)

    def charge(self) -> Charge:
        """The actor; asked to end, it records what was sent before."""
        return Charge(name=self.name, make=lambda: self, policy=Policy.RESTART, stage=Stage.SOURCE, close=self._stop)

    def positions(self) -> list[SourcePosition]:
        """Where it stands, with what is wrong."""
        return self._source.positions() or ([self._problem] if self._problem else [])

    async def run(self) -> None:
        """An endpoint that cannot be used does not end the service: it is told, and tried again."""
        while not self._stopping.is_set():
            self._source = self._make()
            try:
                await self._source.run(self._pipeline.gather)
            except EndpointUnusable as error:
                self._note(error)
                with anyio.move_on_after(limits.ZMQ_BIND_SECONDS):
                    await self._stopping.wait()

    def _note(self, error: EndpointUnusable) -> None:
        if self._problem is None:
            logger.error("%s %s", error, error.advice())
        self._problem = SourcePosition(self.name, str(error.endpoint), None, 0, str(error))

    def _stop(self) -> None:
        self._stopping.set()
        self._source.stop()

    def _measure(self, socket: str, metrics: Metrics) -> None:
        numbers = metrics.zmq
        metrics.follow(numbers.messages.labels(socket), lambda: self._source.counts(socket).messages)
        metrics.follow(numbers.missed.labels(socket, "overflow"), lambda: self._source.counts(socket).overflowed)
        metrics.follow(numbers.missed.labels(socket, "sequence"), lambda: self._source.counts(socket).missing)
        numbers.connections.labels(socket).set_function(lambda: self._source.connections(socket))
