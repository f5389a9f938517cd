"""What the HTTP room is given: everything that may be asked from outside, in terms of the other rooms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import anyio
import anyio.to_thread

from eventsrc.actor import Heartbeat, Watermark
from eventsrc.clock import Clock
from eventsrc.event import Appended, Position, Record
from eventsrc.http import Health, Line
from eventsrc.ingest import quarantined
from eventsrc.log import LogReader
from eventsrc.metrics import Metrics
from eventsrc.service.asking import asked, states_of
from eventsrc.service.keeper import Keeper
from eventsrc.service.models import Models
from eventsrc.service.oneshot import ingest_paths
from eventsrc.service.pipeline import Pipeline
from eventsrc.service.status import status_of
from eventsrc.source import SourcePosition

Sources: TypeAlias = Callable[[], Sequence[SourcePosition]]
"""Where the sources stand, of every kind."""


class Host(Protocol):
    """The service, as far as the port asks it."""

    data: Path
    clock: Clock
    metrics: Metrics


class ServicePort:
    """Implements `eventsrc.http.Port` for a running service."""

    def __init__(
        self, host: Host, pipeline: Pipeline, models: Models, sources: Sources, keeper: Keeper, heartbeat: Heartbeat
    ) -> None:
        self._host = host
        self._pipeline = pipeline
        self._models = models
        self._sources = sources
        self._keeper = keeper
        self._heartbeat = heartbeat
        self._reader = LogReader(host.data)
        self._questions = asked(host.data)
        self._reading = anyio.CapacityLimiter(1)  # one reader, used by one thread at a time
        self._looking = anyio.CapacityLimiter(2)

    # --- the log ---

    @property
    def head(self) -> Position:
        """The last durable event."""
        return self._watermark.position

    async def beyond(self, position: Position) -> Position:
        """Waits until the head is past `position`."""
        return await self._watermark.beyond(position)

    async def read(self, after: Position, max_events: int, max_bytes: int) -> Sequence[Line]:
        """Durable events after `after`."""
        until = self.head
        if after >= until:
            return []
        lines = await anyio.to_thread.run_sync(
            lambda: self._reader.lines(after, until=until, max_events=max_events, max_bytes=max_bytes),
            limiter=self._reading,
        )
        return [Line(event.position, event.type, event.subject, line) for event, line in lines]

    async def append(self, records: Sequence[Record]) -> Appended:
        """Durable when it returns; refuses when there is no room."""
        return await self._pipeline.append(records)

    async def set_aside(self, record: Record, reason: str) -> None:
        """Keeps a refused record as an event of its own."""
        self._host.metrics.source.quarantined.labels("conflict").inc()
        await self._pipeline.append([quarantined(record.data, record.source, reason)])

    # --- looking after the service ---

    async def metrics(self) -> bytes:
        """Prometheus text format. Nobody else's answer waits while it is written."""
        self._host.metrics.refresh()
        return await anyio.to_thread.run_sync(self._host.metrics.text, limiter=self._looking)

    def health(self) -> Health:
        """Unhealthy when work waits and nothing moves."""
        reason = self._heartbeat.check().reason
        return Health((reason,) if reason else ())

    def ready(self) -> Health:
        """Ready when the log is open (it is, when this is asked) and what is accepted also moves."""
        return self.health()

    async def status(self) -> dict[str, Any]:
        """The shape of `eventsrc status --json`."""
        health = self.health()
        found = await anyio.to_thread.run_sync(
            lambda: status_of(
                self._host.data,
                head=self.head,
                projections=self._models.status(self.head),
                sources=self._sources(),
                checkpoint=self._keeper.latest(),
                states=states_of(self._questions, self._host.clock.now()),
            ),
            limiter=self._looking,
        )
        return {**found, "running": True, "pid": os.getpid(), "unhealthy": "; ".join(health.reasons)}

    async def checkpoint(self, label: str | None) -> object:
        """Makes a checkpoint now."""
        return await self._keeper.make(label)

    def ingest(self, paths: Sequence[str]) -> AsyncIterator[object]:
        """Reads paths to their ends; yields progress, then the report."""
        return ingest_paths(self._pipeline, self._models, list(paths), self._host.clock)

    def rebuild(self, names: Sequence[str]) -> AsyncIterator[object]:
        """Rebuilds read models; yields progress, then the report."""
        return self._models.rebuild(names)

    def requested(self, route: str, status: int) -> None:
        """Counts an answered request."""
        self._host.metrics.http.answered(route, status)

    def dropped_hook(self, reason: str) -> None:
        """Counts a hook that was not recorded."""
        self._host.metrics.http.hooks_dropped.labels(reason).inc()

    def listening(self, clients: int) -> None:
        """Told how many live streams are open."""
        self._host.metrics.http.live_clients.set(clients)

    @property
    def _watermark(self) -> Watermark:
        return self._pipeline.watermark
