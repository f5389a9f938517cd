"""Settings: TOML files → one frozen struct per room.

Flags beat the environment, which beats the project's file, which beats the user's, which beats the system's. Unknown
keys are errors. Nothing here has an effect; `service.py` hands each room its part.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from eventsrc import limits
from eventsrc.errors import ConfigError

FILE_NAME = "eventsrc.toml"


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event log."""

    segment_bytes: int = limits.SEGMENT_BYTES
    """A segment is sealed past this size."""


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where records come from."""

    paths: tuple[str, ...] = ()
    """Files, folders (followed as `**/*.jsonl`) and globs; `~` is the home folder. Empty: the agents' own folders."""
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


class Loaded(msgspec.Struct, frozen=True):
    """Settings together with where they came from."""

    settings: Settings
    files: tuple[str, ...]
    """Files that were read, weakest first."""
    origin: dict[str, str]
    """Setting (`http.listen`) → the file, variable or flag that decided it; absent: the default."""


def load(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, file: str | None = None
) -> Loaded:
    """Merges all places. `flags` and the environment (`EVENTSRC_HTTP_LISTEN`) use dotted setting names.

    `file` replaces the three standard places. Raises ConfigError naming the file and the setting.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    files = [Path(file)] if file else standard_files(environment)
    read = [path for path in files if file or path.is_file()]
    for path in read:
        _merge(merged, _read_file(path), str(path), origin)
    _merge(merged, _from_environment(environment), "environment", origin)
    _merge(merged, _nest(dict(flags or {})), "flag", origin)
    try:
        settings = msgspec.convert(merged, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(path=", ".join(map(str, read)) or "of the environment", reason=str(error)) from error
    _check(settings)
    return Loaded(settings, tuple(map(str, read)), origin)


def standard_files(environment: Mapping[str, str]) -> list[Path]:
    """System, user and project file, weakest first.

    The system's file may be readable for root alone. Then it is not meant for this user; the units of the system hand
    it over as a credential, which stands in for it.
    """
    user = environment.get("XDG_CONFIG_HOME") or str(platformdirs.user_config_path())
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    system = Path(credentials or "/etc/eventsrc") / FILE_NAME
    try:
        project = [Path.cwd() / FILE_NAME]
    except FileNotFoundError:  # the folder that we stand in was deleted; commands work all the same
        project = []
    readable = [system] if os.access(system, os.R_OK) else []
    return [*readable, Path(user) / "eventsrc" / FILE_NAME, *project]


def data_directory(settings: Settings, environment: Mapping[str, str] | None = None) -> Path:
    """Where everything lives: the setting, else systemd's state directory, else the user's data folder."""
    environment = os.environ if environment is None else environment
    chosen = settings.data or environment.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_data_path("eventsrc")


def agent_folders(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Folders in which coding agents of this user keep their transcripts, as far as they exist."""
    environment = os.environ if environment is None else environment
    home = Path(environment.get("HOME") or Path.home())
    claude = environment.get("CLAUDE_CONFIG_DIR")
    places = [Path(claude) / "projects"] if claude else [home / ".claude/projects", home / ".config/claude/projects"]
    codex = Path(environment.get("CODEX_HOME") or home / ".codex")
    places += [codex / "sessions", codex / "archived_sessions"]
    logs = environment.get("CLAUDE_CODE_LOG_DIR")
    places += [Path(logs)] if logs else [home / "centralized-logs/claude", home / "centralized-logs/codex"]
    return [place for place in places if place.is_dir()]


def describe(settings: Any = Settings, prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Every setting with its default, in order: what `eventsrc config` and the documentation show."""
    rows: list[tuple[str, Any]] = []
    for field in msgspec.structs.fields(settings):
        default = field.default
        if isinstance(default, msgspec.Struct):
            rows.extend(describe(type(default), f"{prefix}{field.name}."))
        else:
            rows.append((f"{prefix}{field.name}", default))
    return rows


def flat(settings: msgspec.Struct, prefix: str = "") -> dict[str, Any]:
    """`{"http.listen": …}` for every setting in force."""
    found: dict[str, Any] = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, msgspec.Struct):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(path=path, reason=str(error)) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """`EVENTSRC_DATA` and `EVENTSRC_<TABLE>_<SETTING>`; other variables with that prefix are not ours to judge."""
    found: dict[str, Any] = {}
    for name, default in describe():
        text = environment.get("EVENTSRC_" + name.upper().replace(".", "_"))
        if text is not None:
            found[name] = text.split(os.pathsep) if isinstance(default, tuple) else _plain(text, default)
    return _nest(found)


def _plain(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return text.strip().lower() in ("1", "true", "yes", "on")
    return text


def _nest(dotted: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in dotted.items():
        *tables, last = name.split(".")
        place = nested
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return nested


def _merge(into: dict[str, Any], new: Mapping[str, Any], where: str, origin: dict[str, str], prefix: str = "") -> None:
    for name, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.setdefault(name, {}), dict):
            _merge(into[name], value, where, origin, f"{prefix}{name}.")
        else:
            into[name] = value
            origin[prefix + name] = where


def _is_endpoint(text: str) -> bool:
    """Whether ZeroMQ could use it: `tcp://HOST:PORT`, `ipc://PATH`, or empty for none."""
    scheme, _, rest = text.partition("://")
    return not text or (scheme in ("tcp", "ipc") and bool(rest))


def _check(settings: Settings) -> None:
    """Values that have the right type and no sense."""
    wrong = {
        "log.segment_bytes": 64 * limits.KIB <= settings.log.segment_bytes <= 1024 * limits.MIB,
        "source.look_seconds": settings.source.look_seconds >= 0.1,
        "checkpoint.every_seconds": settings.checkpoint.every_seconds >= 0,
        "report.every_hours": settings.report.every_hours == 0 or settings.report.every_hours >= 0.01,
        "report.keep": settings.report.keep >= 1,
        "report.min_score": 0 <= settings.report.min_score <= 100,
        "report.min_messages_per_hour": settings.report.min_messages_per_hour >= 0,
        "checkpoint.keep": settings.checkpoint.keep >= 1,
        "heartbeat.every_seconds": settings.heartbeat.every_seconds == 0 or settings.heartbeat.every_seconds >= 0.05,
        "liveness.every_seconds": settings.liveness.every_seconds >= 0.05,
        "zmq.subscribe": _is_endpoint(settings.zmq.subscribe),
        "zmq.pull": _is_endpoint(settings.zmq.pull),
        "drain_seconds": settings.drain_seconds > 0,
    }
    bad = [name for name, right in wrong.items() if not right]
    if bad:
        raise ConfigError(path="in force", reason=f"out of range: {', '.join(bad)}")
    if settings.http.listen:
        host, _, port = settings.http.listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(path="in force", reason=f"http.listen is not HOST:PORT: {settings.http.listen!r}")
