"""Claude Code on this machine: what it will delete soon, and whether its hooks tell anything."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from eventsrc.doctor.asked import Status, files
from eventsrc.doctor.finding import Finding, careful, ok, wrong
from eventsrc.doctor.scene import Scene, shell
from eventsrc.durable import SystemDisk
from eventsrc.errors import EventsrcError
from eventsrc.hooks import Installed, SettingsFile, installed, settings_place
from eventsrc.limits import CLEANUP_DAYS, CLEANUP_NOTICE_DAYS, CONNECT_SECONDS
from eventsrc.log.index import Index
from eventsrc.log.layout import index_path
from eventsrc.service.hooks_told import hook_spool
from eventsrc.source.place import Volumes, read

DAY = 86_400
SHORT_DAYS = 7  # a service that was off for a holiday should still find everything


class Agent(msgspec.Struct, frozen=True):
    """What Claude Code has on this machine."""

    at: str
    """`--data DIR` for a command."""
    settings: Path
    transcripts: Path
    there: bool
    """It keeps transcripts, or has settings."""
    unreadable: str
    """Why its settings cannot be read; empty when they can."""
    days: float
    """After so many days without a change it deletes a transcript."""
    due: int
    """Transcripts that it deletes within CLEANUP_NOTICE_DAYS."""
    lost: tuple[str, ...]
    """Those of them that are not in the log as they stand."""
    hooks: Installed | None
    elsewhere: tuple[str, ...]
    """Targets of hooks that are not this data directory."""
    unreachable: tuple[str, ...]
    """Targets of hooks that take nothing now."""


def look(scene: Scene, status: Status | None) -> Agent:
    """Reads the agent's settings, lists its transcripts, and compares them with the cursors of the log."""
    settings = settings_place(scene.environment)
    transcripts = settings.parent / "projects"
    text, unreadable = _text(settings)
    days = _days(text)
    due = _due(transcripts, scene.now - (days - CLEANUP_NOTICE_DAYS) * DAY)
    hooks = installed(text) if not unreadable else None
    targets = hooks.targets if hooks else ()
    return Agent(
        at=scene.at,
        settings=settings,
        transcripts=transcripts,
        there=settings.exists() or transcripts.is_dir(),
        unreadable=unreadable,
        days=days,
        due=len(due),
        lost=tuple(str(path) for path in _unrecorded(scene.data, due, status)),
        hooks=hooks,
        elsewhere=tuple(one for one in targets if "://" not in one and one != str(hook_spool(scene.data))),
        unreachable=tuple(one for one in targets if not _takes(one)),
    )


def deletion(agent: Agent) -> Finding:
    """The agent deletes transcripts by their age; what is in the log stays."""
    name = "transcripts"
    if not agent.there:
        return ok(name, "no Claude Code of this user")
    if agent.lost:
        reason = f"{len(agent.lost)} will be deleted within {CLEANUP_NOTICE_DAYS} days and are not recorded"
        reason += f", e.g. {agent.lost[0]}"
        return wrong(name, reason, f"eventsrc ingest {shell(agent.transcripts)} {agent.at}")
    if agent.days < SHORT_DAYS:
        file = shell(agent.settings)
        mend = f"jq '.cleanupPeriodDays = {CLEANUP_DAYS}' {file} > {file}.new && mv {file}.new {file}"
        return careful(name, f"deleted after {agent.days:g} days: a service that is off for longer misses some", mend)
    if agent.due:
        return ok(name, f"{agent.due} will be deleted within {CLEANUP_NOTICE_DAYS} days, all of them recorded")
    return ok(name, f"deleted after {agent.days:g} days; none is due")


def hooks(agent: Agent) -> Finding:
    """Without hooks a permission prompt that waits is told late or never."""
    mend = f"eventsrc hooks install {agent.at}"
    if not agent.there:
        return ok("hooks", "no Claude Code of this user")
    if agent.hooks is None:
        return wrong("hooks", f"{agent.settings} cannot be read: {agent.unreadable}", f"jq . {shell(agent.settings)}")
    if not agent.hooks.events:
        return careful("hooks", "not installed: who waits for a person is told late or never", mend)
    if agent.hooks.switches.get("disableAllHooks") is True:
        file = shell(agent.settings)
        mend = f"jq 'del(.disableAllHooks)' {file} > {file}.new && mv {file}.new {file}"
        return careful("hooks", "installed, and switched off by disableAllHooks", mend)
    if agent.elsewhere:
        return careful("hooks", f"they tell another data directory: {agent.elsewhere[0]}", mend)
    if agent.unreachable:
        place = agent.unreachable[0]
        url = "://" in place
        start = f"eventsrc serve {agent.at}" if url else f"mkdir -p {shell(place)} && chmod u+rwx {shell(place)}"
        return wrong("hooks", f"they tell {place}, which takes nothing now", start)
    if agent.hooks.missing:
        return careful("hooks", f"some are missing: {', '.join(agent.hooks.missing)}", mend)
    return ok("hooks", f"{len(agent.hooks.events)} events are told")


def _text(settings: Path) -> tuple[str, str]:
    """(the text, why there is none that can be understood)."""
    try:
        text = SettingsFile(settings, SystemDisk()).read()
        installed(text)
    except (OSError, EventsrcError, ValueError) as error:
        return "", str(error)
    return text, ""


def _days(text: str) -> float:
    """`cleanupPeriodDays` of the settings; the agent's default where it is not set or no number."""
    found = json.loads(text).get("cleanupPeriodDays") if text.strip() else None
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if number and found is not None else CLEANUP_DAYS


def _due(transcripts: Path, before: float) -> list[Path]:
    return sorted(path for path in transcripts.rglob("*.jsonl") if path.stat().st_mtime < before)


def _unrecorded(data: Path, due: list[Path], status: Status | None) -> list[Path]:
    """Files that hold something beyond what the log has of them. What a running service has only in memory counts."""
    told = {one["path"]: one["behind_bytes"] for one in files(status)}
    missing = [path for path in due if told.get(str(path)) != 0]
    if not missing or not index_path(data).is_file():
        return missing
    index, volumes = Index.read_only(index_path(data)), Volumes()
    try:
        return [path for path in missing if not _recorded(index, volumes, path)]
    except sqlite3.Error:  # derived, and being made again: it knows nothing
        return missing
    finally:
        index.close()


def _recorded(index: Index, volumes: Volumes, path: Path) -> bool:
    told = path.stat()
    cursor = index.cursor(volumes.key(told.st_dev, told.st_ino, str(path)))
    return cursor is not None and read(cursor).offset >= told.st_size


def _takes(target: str) -> bool:
    """Whether a folder can be written, or somebody listens at a URL. A folder that is not there yet is made by the
    first hook."""
    if "://" not in target:
        place = Path(target)
        while not place.exists():
            place = place.parent
        return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    parts = urlsplit(target)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
