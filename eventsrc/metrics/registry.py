"""All metrics of one service, in a registry of their own."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

from eventsrc.metrics.families import Families
from eventsrc.metrics.figures import FigureCollector
from eventsrc.metrics.groups import (
    ActorMetrics,
    CheckpointMetrics,
    HttpMetrics,
    LivenessMetrics,
    LogMetrics,
    PipelineMetrics,
    ProjectionFamilies,
    ProjectionMetrics,
    ReportMetrics,
    SourceMetrics,
    StageMetrics,
    ZmqMetrics,
)
from eventsrc.metrics.mailboxes import MailboxCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `render` returns."""


class Metrics:
    """All of them, in a registry of their own: two services in one process do not meet."""

    def __init__(self, version: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter; nobody asks for it
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        families = Families(registry)
        build = families.gauge("build_info", "1, with the versions as labels.", "version", "python", "sqlite")
        build.labels(version, platform.python_version(), sqlite3.sqlite_version).set(1)
        self.pipeline = PipelineMetrics(families)
        self.log = LogMetrics(families)
        self.projections = ProjectionFamilies(families)
        self.source = SourceMetrics(families)
        self.zmq = ZmqMetrics(families)
        self.http = HttpMetrics(families)
        self.checkpoint = CheckpointMetrics(families)
        self.report = ReportMetrics(families)
        self.liveness = LivenessMetrics(families)
        self.actors = ActorMetrics(families)
        self.mailboxes = MailboxCollector()
        registry.register(self.mailboxes)
        self.figures = FigureCollector()
        registry.register(self.figures)
        self._before: list[Callable[[], None]] = []

    def stage(self, name: str) -> StageMetrics:
        """The four numbers of `source`, `ingest`, `log` or `projector:<name>`."""
        stage = StageMetrics(self.pipeline, name)
        self.before_scrape(stage.refresh)
        return stage

    def projection(self, name: str) -> ProjectionMetrics:
        """The numbers of one read model."""
        return ProjectionMetrics(self.projections, name)

    def before_scrape(self, refresh: Callable[[], None]) -> None:
        """Calls this at the start of each `render`, to set what is only worth knowing when somebody looks."""
        self._before.append(refresh)

    def follow(self, counter: Counter, read: Callable[[], float]) -> None:
        """Lets a counter follow a number that a room counts for itself; a number that fell starts from 0 again."""
        seen = 0.0

        def refresh() -> None:
            nonlocal seen
            now = read()
            counter.inc(now - seen if now >= seen else now)
            seen = now

        self.before_scrape(refresh)

    def render(self) -> bytes:
        """Everything in Prometheus' text format (`CONTENT_TYPE`)."""
        self.refresh()
        return self.text()

    def refresh(self) -> None:
        """Sets what is only set when somebody looks; for the thread in which the rooms live."""
        for refresh in self._before:
            refresh()

    def text(self) -> bytes:
        """The numbers as they are now. Takes milliseconds; any thread will do."""
        return generate_latest(self._registry)
