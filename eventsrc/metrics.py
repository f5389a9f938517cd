"""Every metric, declared once. Base units, `_total` for counters, times instead of ages, no ids as labels.

Rooms observe through the small groups below (`metrics.log.commits.inc()`); what a room already counts for itself is
read at scrape time (`Gauge.set_function`, `Metrics.follow`), so that nothing is counted twice on a hot path.

**A replay never raises a counter.** Rebuilding a read model, catching up after a start and reading the log back are
told by gauges (`…_rebuilding`, `…_position`); counters and histograms of projections are for events applied while
the projection was at the head of the log. Their help says `live only`; whoever observes them keeps that promise.

Series exist with 0 from the start, so that `rate()` sees the first failure too.
"""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `render` returns."""

CHANGES = ("rewritten", "rotated", "truncated")
SESSION_STATES = ("active", "stalled", "orphaned", "waiting")
VERDICTS = ("alive", "gone", "reused", "rebooted", "invisible")
QUARANTINE_REASONS = ("malformed", "too_large", "conflict", "other")
HOOK_REASONS = ("full", "slow", "failed")
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")

_SYNC_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SPAN_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class _Families:
    """Declares families in one registry: short, so that the declarations read as a table."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"eventsrc_{name}", about, labels, registry=self._registry)

    def counter(self, name: str, about: str, *labels: str) -> Counter:
        """Its series end in `_total`."""
        return Counter(f"eventsrc_{name}", about, labels, registry=self._registry)

    def histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"eventsrc_{name}", about, labels, buckets=buckets, registry=self._registry)


class PipelineMetrics:
    """The same four numbers for every stage: `source`, `ingest`, `log`, `projector:<name>`."""

    def __init__(self, families: _Families) -> None:
        self.came = families.counter("stage_in", "Events that a stage took in (projectors: live only).", "stage")
        self.went = families.counter("stage_out", "Events that a stage finished (projectors: live only).", "stage")
        self.waiting = families.gauge("stage_waiting", "Events that wait for a stage.", "stage")
        self.last = families.gauge(
            "stage_last_timestamp_seconds", "When a stage last finished something; 0 = not since the start.", "stage"
        )
        self.visible = families.histogram(
            "heartbeat_seconds", "From the append of a heartbeat event until a read model shows it.", _SPAN_BUCKETS
        )


class StageMetrics:
    """One step of the pipeline, with its label bound: cheap enough for every batch."""

    def __init__(self, families: PipelineMetrics, stage: str) -> None:
        self.came = families.came.labels(stage)
        self.went = families.went.labels(stage)
        self.waiting = families.waiting.labels(stage)
        self.last = families.last.labels(stage)


class LogMetrics:
    """The event log and the disk under it."""

    def __init__(self, families: _Families) -> None:
        self.head = families.gauge("log_head_position", "Position of the last durable event.")
        self.bytes = families.gauge("log_bytes", "Size of all segments.")
        self.segments = families.gauge("log_segments", "Number of segments.")
        self.commits = families.counter("log_commits", "Durable group commits.")
        self.commit_events = families.histogram("log_commit_events", "Events in one group commit.", _SIZE_BUCKETS)
        self.sync = families.histogram("log_fsync_seconds", "Time that one write and sync took.", _SYNC_BUCKETS)
        self.append = families.histogram(
            "log_append_seconds", "From the acceptance of a batch until it was durable.", _SYNC_BUCKETS
        )
        self.disk_free = families.gauge("disk_free_bytes", "Free space under the data directory.")
        self.disk_full = families.gauge("log_disk_full", "1 while appends are refused for lack of room.")
        self.rollbacks = families.counter("log_rollbacks", "Unfinished tails that opening the log cut and kept aside.")


class ProjectionFamilies:
    """The read models."""

    def __init__(self, families: _Families) -> None:
        def gauge(name: str, about: str) -> Gauge:
            return families.gauge(f"projection_{name}", about, "projection")

        self.position = gauge("position", "Position up to which a read model has applied the log.")
        self.lag_events = gauge("lag_events", "Events in the log that a read model has not applied yet.")
        self.oldest_unapplied = gauge(
            "oldest_unapplied_timestamp_seconds",
            "When the oldest event not yet applied was recorded; 0 = none. Lag = time() - this, where above 0.",
        )
        self.dead_letters = gauge("dead_letters", "Events that a read model could not apply: it lacks those.")
        self.generation = gauge("generation", "Generation of a read model that answers.")
        self.rebuilding = gauge("rebuilding", "1 while a read model is being rebuilt beside the one that answers.")
        self.batch = families.histogram(
            "projection_batch_seconds", "Time that one transaction took (live only).", _SPAN_BUCKETS, "projection"
        )


class ProjectionMetrics:
    """One read model, with its label bound."""

    def __init__(self, families: ProjectionFamilies, name: str) -> None:
        self.position = families.position.labels(name)
        self.lag_events = families.lag_events.labels(name)
        self.oldest_unapplied = families.oldest_unapplied.labels(name)
        self.batch = families.batch.labels(name)
        self.dead_letters = families.dead_letters.labels(name)
        self.generation = families.generation.labels(name)
        self.rebuilding = families.rebuilding.labels(name)


class SourceMetrics:
    """Where records come from, and what was not taken as it came."""

    def __init__(self, families: _Families) -> None:
        self.files = families.gauge("source_files", "Files that are followed.")
        self.behind = families.gauge("source_behind_bytes", "Bytes in followed files that were not read yet.")
        self.changes = families.counter("source_changes", "Followed files rewritten, rotated, truncated.", "change")
        self.quarantined = families.counter("quarantined", "Records that were refused and kept aside.", "reason")
        self.duplicates = families.counter("duplicates", "Records that were in the log already, answered as such.")
        _start_at_zero(self.changes, CHANGES)
        _start_at_zero(self.quarantined, QUARANTINE_REASONS)


class HttpMetrics:
    """The listeners."""

    def __init__(self, families: _Families) -> None:
        self._requests = families.counter(
            "http_requests", "Requests answered, by route template and status class.", "route", "status"
        )
        self.live_clients = families.gauge("http_live_clients", "Open live streams.")
        self.hooks_dropped = families.counter(
            "hooks_dropped", "Agents' hooks that were answered and not recorded (slow: perhaps).", "reason"
        )
        _start_at_zero(self.hooks_dropped, HOOK_REASONS)
        self._routes: set[str] = set()
        self.declare(())

    def declare(self, routes: Iterable[str]) -> None:
        """Route templates, e.g. `/v1/events/{position}`; what is asked beside them is counted under `other`."""
        for route in (*routes, "other"):
            self._routes.add(route)
            for status in STATUS_CLASSES:
                self._requests.labels(route, status)

    def answered(self, route: str, status: int) -> None:
        """Counts one request. A path that is no route never becomes a label."""
        self._requests.labels(route if route in self._routes else "other", f"{status // 100}xx").inc()


class CheckpointMetrics:
    """The last checkpoint that succeeded."""

    def __init__(self, families: _Families) -> None:
        self.last = families.gauge("checkpoint_last_success_timestamp_seconds", "When it was finished; 0 = never.")
        self.position = families.gauge("checkpoint_position", "Log position of the last checkpoint.")
        self.bytes = families.gauge("checkpoint_bytes", "Size of the last checkpoint.")


class LivenessMetrics:
    """What is known of the watched agents."""

    def __init__(self, families: _Families) -> None:
        self.sessions = families.gauge("sessions", "Sessions by state.", "state")
        self.probes = families.counter("process_probes", "Looks at watched processes, by verdict.", "verdict")
        _start_at_zero(self.sessions, SESSION_STATES)
        _start_at_zero(self.probes, VERDICTS)


class ActorMetrics:
    """The actors themselves."""

    def __init__(self, families: _Families) -> None:
        self.restarts = families.counter("actor_restarts", "Restarts after a failure.", "actor")
        self.last_progress = families.gauge(
            "actor_last_progress_timestamp_seconds", "When an actor last moved or was idle.", "actor"
        )

    def declare(self, actors: Iterable[str]) -> None:
        """Starts the series of these actors at 0."""
        for actor in actors:
            self.restarts.labels(actor)
            self.last_progress.labels(actor)


class MailboxNumbers(Protocol):
    """What is shown of a mailbox."""

    @property
    def name(self) -> str: ...
    @property
    def waiting(self) -> int: ...
    @property
    def waiting_weight(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def senders(self) -> int: ...


class MailboxCollector(Collector):
    """Asks each mailbox at scrape time: no cost while nobody looks."""

    def __init__(self) -> None:
        self._stats: list[Callable[[], MailboxNumbers]] = []

    def add(self, stats: Callable[[], MailboxNumbers]) -> None:
        self._stats.append(stats)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        taken = [stats() for stats in self._stats]

        def family(name: str, about: str, value: Callable[[MailboxNumbers], int]) -> GaugeMetricFamily:
            shown = GaugeMetricFamily(f"eventsrc_mailbox_{name}", about, labels=["mailbox"])
            for one in taken:
                shown.add_metric([one.name], value(one))
            return shown

        yield family("waiting", "Batches that wait in a mailbox.", lambda one: one.waiting)
        yield family("waiting_bytes", "What the waiting batches weigh.", lambda one: one.waiting_weight)
        yield family("capacity", "Batches that fit into a mailbox.", lambda one: one.capacity)
        yield family("senders", "Open senders; above 0 after the end = a forgotten one.", lambda one: one.senders)


class Metrics:
    """All of them, in a registry of their own: two services in one process do not meet."""

    def __init__(self, version: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter; nobody asks for it
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        families = _Families(registry)
        build = families.gauge("build_info", "1, with the versions as labels.", "version", "python", "sqlite")
        build.labels(version, platform.python_version(), sqlite3.sqlite_version).set(1)
        self.pipeline = PipelineMetrics(families)
        self.log = LogMetrics(families)
        self.projections = ProjectionFamilies(families)
        self.source = SourceMetrics(families)
        self.http = HttpMetrics(families)
        self.checkpoint = CheckpointMetrics(families)
        self.liveness = LivenessMetrics(families)
        self.actors = ActorMetrics(families)
        self.mailboxes = MailboxCollector()
        registry.register(self.mailboxes)
        self._before: list[Callable[[], None]] = []

    def stage(self, name: str) -> StageMetrics:
        """The four numbers of `source`, `ingest`, `log` or `projector:<name>`."""
        return StageMetrics(self.pipeline, name)

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
        for refresh in self._before:
            refresh()
        return generate_latest(self._registry)


def _start_at_zero(family: Counter | Gauge, values: Sequence[str]) -> None:
    for value in values:
        family.labels(value)
