"""Everything that can be set: one frozen struct per room, each one table of the TOML file. Values only."""

from __future__ import annotations

import msgspec

from eventsrc import limits


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event log."""

    segment_bytes: int = limits.SEGMENT_BYTES
    """A segment is sealed past this size."""


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where records come from."""

    paths: tuple[str, ...] = ()
    """Files, folders (in them `.jsonl` and `.sse` files, rollouts that were packed) and globs; `~` is the home folder.
    Empty: the agents' own folders."""
    look_seconds: float = limits.IDLE_LOOK_SECONDS
    """How often everything is looked at, in case that a hint of the file system was missed."""


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The push API, the live stream, metrics and health."""

    listen: str = "127.0.0.1:8787"
    """Loopback address and port; empty: only the Unix socket. Port 0: any free one."""
    hosts: tuple[str, ...] = ()
    """Further names that clients may use for this service (Host header), beside the loopback names."""


class ProjectionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Read models."""

    only: tuple[str, ...] = ()
    """Names of the read models to keep; empty: all that are installed."""
    without: tuple[str, ...] = ()
    """Names of read models not to keep, e.g. `deltas`: a file per streamed block."""
    files: tuple[str, ...] = ()
    """`NAME=FILE`: a file that a read model is made with, e.g. rules; with another content it is built again."""


class CheckpointSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Snapshots of the read models."""

    every_seconds: float = limits.CHECKPOINT_SECONDS
    """Pause between automatic checkpoints, when something happened; 0 switches them off."""
    keep: int = limits.CHECKPOINTS_KEPT
    """Automatic checkpoints that are kept; those with a label stay until removed."""
    at_shutdown: bool = True
    """Take one when the service stops and something happened since the last."""


class LivenessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Watching the processes of active sessions."""

    enabled: bool = True
    """Watch processes; what is seen enters the log as events."""
    every_seconds: float = limits.PROBE_SECONDS
    """How often processes are looked at where the kernel does not tell by itself."""


class ZmqSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Agents that talk over ZeroMQ (needs the extra `zmq`)."""

    enabled: bool = False
    """Listen to a broker and to agents that push."""
    subscribe: str = "tcp://127.0.0.1:5556"
    """Where the broker publishes (its XPUB side); empty: nowhere."""
    pull: str = "tcp://127.0.0.1:5557"
    """Where agents push copies to; empty: nowhere. Whoever reaches it can write into the log: keep it on loopback."""
    topics: tuple[str, ...] = ()
    """Prefixes of topics to subscribe to; empty: everything."""


class ReportSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reports that are made without anybody asking, each about the time since the one before."""

    every_hours: float = 0.0
    """Pause between two reports; 0 switches them off."""
    out: str = ""
    """Folder for them; empty: `reports` in the data directory."""
    keep: int = limits.REPORTS_KEPT
    """Reports that are kept in it; older ones are removed."""
    min_score: float = 0.0
    """A collaboration score (0 to 100, variant `default`) below this raises the alert metric."""
    min_messages_per_hour: float = 0.0
    """The same for messages between agents that arrived per hour."""


class AnalyticsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ended experiments in a DuckDB file (needs the extra `analytics`)."""

    load: bool = True
    """Load an experiment when it ended; `eventsrc load-db` does it by hand."""
    database: str = ""
    """The file; empty: `analytics/experiments.duckdb` in the data directory."""


class HeartbeatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events that the service writes to measure itself."""

    every_seconds: float = limits.HEARTBEAT_SECONDS
    """Pause between two; 0 switches them off. Whether the machine slept is looked at all the same."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set; each part is one table of the TOML file."""

    data: str = ""
    """Data directory; empty: `$STATE_DIRECTORY`, else the user's own data folder."""
    log: LogSettings = LogSettings()
    source: SourceSettings = SourceSettings()
    http: HttpSettings = HttpSettings()
    projections: ProjectionSettings = ProjectionSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    liveness: LivenessSettings = LivenessSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    zmq: ZmqSettings = ZmqSettings()
    report: ReportSettings = ReportSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    drain_seconds: float = limits.DRAIN_SECONDS
    """From a stop signal to the end of the service."""
