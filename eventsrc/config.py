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
from eventsrc.settings import (
    AnalyticsSettings,
    CheckpointSettings,
    HeartbeatSettings,
    HttpSettings,
    LivenessSettings,
    LogSettings,
    ProjectionSettings,
    ReportSettings,
    Settings,
    SourceSettings,
    ZmqSettings,
)

__all__ = [
    "FILE_NAME",
    "AnalyticsSettings",
    "CheckpointSettings",
    "HeartbeatSettings",
    "HttpSettings",
    "LivenessSettings",
    "Loaded",
    "LogSettings",
    "ProjectionSettings",
    "ReportSettings",
    "Settings",
    "SourceSettings",
    "ZmqSettings",
    "agent_folders",
    "data_directory",
    "describe",
    "flat",
    "load",
    "standard_files",
]

FILE_NAME = "eventsrc.toml"


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
    except OSError as error:
        raise ConfigError(path=path, reason=error.strerror) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
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
