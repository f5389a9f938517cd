"""What is followed, and whether anything still comes from there."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from eventsrc.doctor.asked import Status, files
from eventsrc.doctor.finding import Finding, careful, ok, wrong
from eventsrc.doctor.scene import Scene, shell
from eventsrc.limits import DOCTOR_FOLDERS, SILENT_SECONDS, UNREAD_SECONDS

DAY = 86_400


class Root(msgspec.Struct, frozen=True):
    """One thing that is followed."""

    path: str
    there: bool
    readable: bool
    newest: float | None
    """When the newest file in it changed, seconds since the epoch; None without files."""


class Sources(msgspec.Struct, frozen=True):
    """All of them, and what the running service says of their files."""

    at: str
    """`--data DIR` for a command."""
    now: float
    user: int
    roots: tuple[Root, ...]
    problems: tuple[tuple[str, str], ...]
    """(file, why it cannot be read)."""
    unread: tuple[tuple[str, float], ...]
    """(file with whole lines that were not read, when it changed)."""


def look(scene: Scene, status: Status | None) -> Sources:
    """Lists the followed folders. `status`: what the running service says."""
    told = files(status)
    problems = [(str(one["path"]), str(one["problem"])) for one in told if one.get("problem")]
    behind = [Path(str(one["path"])) for one in told if one["behind_bytes"] and not one.get("problem")]
    unread = [(str(path), path.stat().st_mtime) for path in behind if _ends_whole(path)]
    return Sources(scene.at, scene.now, os.geteuid(), tuple(map(_root, scene.followed)), tuple(problems), tuple(unread))


def sources(found: Sources) -> Finding:
    """The first thing that keeps records from coming; a source that says nothing for days is worth a look."""
    trouble = _unreadable(found) or _stuck(found) or _silent(found)
    if trouble is not None:
        return trouble
    if not found.roots:
        return careful("sources", "nothing is followed; what is pushed is recorded", f"eventsrc serve PATH {found.at}")
    return ok("sources", f"{len(found.roots)} followed, nothing waits")


def _unreadable(found: Sources) -> Finding | None:
    for root in found.roots:
        if not root.there:
            return careful(
                "sources", f"{root.path} is not there; source.paths names what is followed", "eventsrc config"
            )
        if not root.readable:
            mend = f"sudo setfacl -R -m u:{found.user}:rX {shell(root.path)}"
            return wrong("sources", f"{root.path} cannot be read by this user", mend)
    if found.problems:
        path, problem = found.problems[0]
        return wrong("sources", f"{len(found.problems)} cannot be read, e.g. {path}: {problem}", f"ls -l {shell(path)}")
    return None


def _stuck(found: Sources) -> Finding | None:
    late = [(path, changed) for path, changed in found.unread if found.now - changed > UNREAD_SECONDS]
    if not late:
        return None
    path, changed = min(late, key=lambda one: one[1])
    reason = f"{len(late)} have unread lines, {path} for {found.now - changed:,.0f} s"
    return wrong("sources", reason, f"eventsrc status {found.at}")


def _silent(found: Sources) -> Finding | None:
    for root in found.roots:
        if root.newest is not None and found.now - root.newest > SILENT_SECONDS:
            days = (found.now - root.newest) / DAY
            return careful(
                "sources", f"nothing new in {root.path} for {days:.0f} days", f"ls -ltR {shell(root.path)} | head"
            )
    return None


def _root(path: Path) -> Root:
    readable = os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
    return Root(str(path), path.exists(), readable or not path.exists(), _newest(path))


def _newest(path: Path) -> float | None:
    if path.is_file():
        return path.stat().st_mtime
    newest: float | None = None
    for count, (folder, _, names) in enumerate(os.walk(path)):
        if count >= DOCTOR_FOLDERS:
            break
        for name in names:
            changed = (Path(folder) / name).lstat().st_mtime
            newest = changed if newest is None else max(newest, changed)
    return newest


def _ends_whole(path: Path) -> bool:
    """An unfinished last line is not read on purpose."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:  # gone meanwhile, or empty
        return False
