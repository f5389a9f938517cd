"""Every metric, declared once. Base units, `_total` for counters, times instead of ages, no ids as labels."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from eventsrc.metrics.families import SIZE_BUCKETS, SPAN_BUCKETS, SYNC_BUCKETS, Families, start_at_zero

CHANGES = ("rewritten", "rotated", "truncated")
VERDICTS = ("alive", "gone", "reused", "rebooted", "invisible")
QUARANTINE_REASONS = ("malformed", "too_large", "conflict", "other")
REPORT_THRESHOLDS = ("score", "message_rate")
HOOK_REASONS = ("full", "slow", "failed")
ZMQ_SOCKETS = ("sub", "pull")
MISSED_REASONS = ("overflow", "sequence")
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")


class PipelineMetrics:
    """The same three numbers for every stage: `source`, `ingest`, `log`, `projector:<name>`. What waits between two of
    them is told in its own unit: `source_behind_bytes`, `mailbox_waiting`, `projection_lag_events`."""

    def __init__(self, families: Families) -> None:
        self.came = families.counter("stage_in", "Events that a stage took in (projectors: live only).", "stage")
        self.went = families.counter("stage_out", "Events that a stage finished (projectors: live only).", "stage")
        self.last = families.gauge(
            "stage_last_timestamp_seconds", "When a stage last finished something; 0 = not since the start.", "stage"
        )


class StageMetrics:
    """One step of the pipeline. It counts for itself and tells when somebody looks: that is cheap enough for every
    single event, however small the batches are."""

    def __init__(self, families: PipelineMetrics, stage: str) -> None:
        self._shown = families.came.labels(stage), families.went.labels(stage)
        self._last = families.last.labels(stage)
        self._events, self._now = 0, 0.0

    def count(self, events: int, now: float) -> None:
        """So many events came in and were finished; `now`: seconds since the epoch."""
        self._events += events
        self._now = now

    def refresh(self) -> None:
        """For `Metrics.before_scrape`."""
        events, self._events = self._events, 0
        for counter in self._shown:
            counter.inc(events)
        self._last.set(self._now)


class LogMetrics:
    """The event log and the disk under it."""

    def __init__(self, families: Families) -> None:
        self.head = families.gauge("log_head_position", "Position of the last durable event.")
        self.activity = families.gauge("log_activity_position", "The same, of the last event that is no heartbeat.")
        self.bytes = families.gauge("log_bytes", "Size of all segments.")
        self.segments = families.gauge("log_segments", "Number of segments.")
        self.commits = families.counter("log_commits", "Durable group commits.")
        self.commit_events = families.histogram("log_commit_events", "Events in one group commit.", SIZE_BUCKETS)
        self.sync = families.histogram("log_fsync_seconds", "Time that one write and sync took.", SYNC_BUCKETS)
        self.append = families.histogram(
            "log_append_seconds", "From the arrival of a pushed batch until its answer, which is durable.", SYNC_BUCKETS
        )
        self.disk_free = families.gauge("disk_free_bytes", "Free space under the data directory.")
        self.disk_full = families.gauge("log_disk_full", "1 while appends are refused for lack of room.")
        self.rollbacks = families.counter("log_rollbacks", "Unfinished tails that opening the log cut and kept aside.")
        self.verified = families.gauge(
            "verify_last_timestamp_seconds", "When every byte was last checked (verify --record); 0 = never."
        )
        self.problems = families.gauge("verify_problems", "What was found damaged then.")


class ProjectionFamilies:
    """The read models."""

    def __init__(self, families: Families) -> None:
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
            "projection_batch_seconds", "Time that one transaction took (live only).", SPAN_BUCKETS, "projection"
        )
        self.visible = families.histogram(
            "heartbeat_seconds",
            "From the append of an event, a heartbeat at least, until a read model shows it (live only).",
            SPAN_BUCKETS,
            "projection",
        )


class ProjectionMetrics:
    """One read model, with its label bound."""

    def __init__(self, families: ProjectionFamilies, name: str) -> None:
        self.position = families.position.labels(name)
        self.lag_events = families.lag_events.labels(name)
        self.oldest_unapplied = families.oldest_unapplied.labels(name)
        self.batch = families.batch.labels(name)
        self.visible = families.visible.labels(name)
        self.dead_letters = families.dead_letters.labels(name)
        self.generation = families.generation.labels(name)
        self.rebuilding = families.rebuilding.labels(name)


class SourceMetrics:
    """Where records come from, and what was not taken as it came."""

    def __init__(self, families: Families) -> None:
        self.files = families.gauge("source_files", "Files that are followed.")
        self.behind = families.gauge("source_behind_bytes", "Bytes in followed files that were not read yet.")
        self.troubled = families.gauge(
            "source_troubled", "Followed files, folders and sockets that cannot be read now."
        )
        self.changes = families.counter("source_changes", "Followed files rewritten, rotated, truncated.", "change")
        self.quarantined = families.counter("quarantined", "Records that were refused and kept aside.", "reason")
        self.duplicates = families.counter("duplicates", "Records that were in the log already, answered as such.")
        start_at_zero(self.changes, CHANGES)
        start_at_zero(self.quarantined, QUARANTINE_REASONS)
        self.rejected = self.quarantined.labels("malformed").inc


class ZmqMetrics:
    """Agents that talk over ZeroMQ."""

    def __init__(self, families: Families) -> None:
        self.messages = families.counter("zmq_messages", "Messages received, by socket.", "socket")
        self.missed = families.counter(
            "zmq_missed",
            "Messages known to be lost: no room for a publisher's, or numbers missing.",
            "socket",
            "reason",
        )
        self.connections = families.gauge("zmq_connections", "Open connections: of a broker, of agents.", "socket")
        start_at_zero(self.messages, ZMQ_SOCKETS)
        start_at_zero(self.connections, ZMQ_SOCKETS)
        for socket in ZMQ_SOCKETS:
            for reason in MISSED_REASONS:
                self.missed.labels(socket, reason)


class HttpMetrics:
    """The listeners."""

    def __init__(self, families: Families) -> None:
        self._requests = families.counter(
            "http_requests", "Requests answered, by route template and status class.", "route", "status"
        )
        self.live_clients = families.gauge("http_live_clients", "Open live streams.")
        self.hooks_dropped = families.counter(
            "hooks_dropped", "Agents' hooks that were answered and not recorded (slow: perhaps).", "reason"
        )
        start_at_zero(self.hooks_dropped, HOOK_REASONS)
        self._series: dict[tuple[str, int], Counter] = {}
        self.declare(())

    def declare(self, routes: Iterable[str]) -> None:
        """Route templates, e.g. `/v1/events/{position}`; what is asked beside them is counted under `other`."""
        for route in (*routes, "other"):
            for number, status in enumerate(STATUS_CLASSES, 2):
                self._series[route, number] = self._requests.labels(route, status)

    def answered(self, route: str, status: int) -> None:
        """Counts one request. A path that is no route never becomes a label."""
        known = self._series.get((route, status // 100)) or self._series["other", status // 100]
        known.inc()


class ReportMetrics:
    """What the last report on a schedule said; 0 before the first."""

    def __init__(self, families: Families) -> None:
        self.score = families.gauge("report_score", "Collaboration score (default, heuristic) of the last report.")
        self.message_rate = families.gauge("report_message_rate", "Messages per hour that arrived in its time.")
        self.below_threshold = families.gauge("report_below_threshold", "1 while it is below its setting.", "what")
        self.last = families.gauge("report_last_timestamp_seconds", "When the last report was made; 0 = none yet.")
        start_at_zero(self.below_threshold, REPORT_THRESHOLDS)


class CheckpointMetrics:
    """The last checkpoint that succeeded."""

    def __init__(self, families: Families) -> None:
        self.last = families.gauge("checkpoint_last_success_timestamp_seconds", "When it was finished; 0 = never.")
        self.position = families.gauge("checkpoint_position", "Log position of the last checkpoint.")
        self.bytes = families.gauge("checkpoint_bytes", "Size of the last checkpoint.")


class LivenessMetrics:
    """What is known of the watched agents."""

    def __init__(self, families: Families) -> None:
        self.probes = families.counter("process_probes", "Looks at watched processes, by verdict.", "verdict")
        start_at_zero(self.probes, VERDICTS)


class ActorMetrics:
    """The actors themselves."""

    def __init__(self, families: Families) -> None:
        self.beat = families.gauge("heartbeat_period_seconds", "Pause between two heartbeat events; 0 = none are made.")
        self.restarts = families.counter("actor_restarts", "Restarts after a failure.", "actor")
        self.last_progress = families.gauge(
            "actor_last_progress_timestamp_seconds",
            "When an actor last moved or was idle; 0 = it has no mailbox to be measured by.",
            "actor",
        )

    def declare(self, actors: Iterable[str]) -> None:
        """Starts the series of these actors at 0."""
        for actor in actors:
            self.restarts.labels(actor)
            self.last_progress.labels(actor)
