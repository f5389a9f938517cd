"""The data directory itself: whose it is, who writes it, how old its safety is."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import msgspec

from eventsrc.clock import parse_time
from eventsrc.doctor.asked import Status
from eventsrc.doctor.finding import Finding, careful, ok, wrong
from eventsrc.doctor.scene import Scene, shell
from eventsrc.errors import EventsrcError
from eventsrc.limits import CHECKPOINT_AGE_SECONDS, VERIFY_AGE_SECONDS
from eventsrc.log import LogReader
from eventsrc.log.layout import LOCK, log_directory
from eventsrc.log.lock import is_held
from eventsrc.log.verified import Verified, last
from eventsrc.service.checkpoints import checkpoints

PARTS = ("log", "index", "read", "checkpoints")
DAY = 86_400


class Store(msgspec.Struct, frozen=True):
    """What is in the directory, and what a running service says."""

    data: Path
    at: str
    """`--data DIR` for a command."""
    now: float
    there: bool
    owner: str
    mine: bool
    """This user can write it."""
    strangers: tuple[str, ...]
    """Parts that belong to somebody else than the directory does."""
    open_to_others: bool
    """Others can read what the agents said."""
    holder: str
    """Who holds the lock; empty when nobody does."""
    status: Status | None
    """What the service answers; None when it does not."""
    head: int
    checkpoint: tuple[float, int] | None
    """(seconds since the epoch, position) of the newest checkpoint."""
    verified: Verified | None


def look(scene: Scene, status: Status | None) -> Store:
    """Lists the directory and asks the lock. `status`: what the running service says."""
    data, there = scene.data, log_directory(scene.data).is_dir()
    owner = data.stat().st_uid if data.exists() else os.geteuid()
    return Store(
        data=data,
        at=scene.at,
        now=scene.now,
        there=there,
        owner=_name(owner),
        mine=not data.exists() or os.access(data, os.W_OK | os.X_OK),
        strangers=tuple(sorted(str(path) for path in _files(data) if path.lstat().st_uid != owner)),
        open_to_others=data.exists() and bool(stat.S_IMODE(data.stat().st_mode) & 0o077) and _readable(data),
        holder=_holder(data) if is_held(log_directory(data)) else "",
        status=status,
        head=LogReader(data).head() if there else 0,
        checkpoint=_checkpoint(data) if there else None,
        verified=last(data),
    )


def permissions(store: Store) -> Finding:
    """What a command run by another user leaves behind stops the service later, at the worst moment."""
    place = shell(store.data)
    if not store.mine:
        return wrong(
            "permissions", f"{store.data} belongs to {store.owner}", f"sudo -u {store.owner} eventsrc doctor {store.at}"
        )
    if store.strangers:
        reason = f"{len(store.strangers)} files are not {store.owner}'s, e.g. {store.strangers[0]}"
        return wrong("permissions", reason, f"sudo chown -R --reference={place} {place}")
    if store.open_to_others:
        return careful("permissions", "other users can read what the agents said", f"chmod -R go-rwx {place}")
    return ok("permissions", f"{store.owner} alone")


def service(store: Store) -> Finding:
    """Who writes the log, and whether it answers."""
    start = f"eventsrc serve {store.at}"
    if not store.there:
        return careful("service", f"there is no event store in {store.data} yet", start)
    if store.status is not None and store.status.get("unhealthy"):
        return wrong("service", str(store.status["unhealthy"]), f"eventsrc status {store.at}")
    if store.status is not None:
        return ok("service", f"pid {store.status['pid']} answers, at position {store.status['head']}")
    if store.holder:
        pid = store.holder.split()[1] if store.holder.startswith("pid ") else "PID"
        return wrong("service", f"{store.holder} holds the lock and does not answer", f"kill {pid} && {start}")
    return careful(
        "service",
        "nothing runs: what agents write now is recorded when it starts again (for good: eventsrc service install)",
        start,
    )


def checkpoint(store: Store) -> Finding:
    """The service makes them; when it does not, restoring costs a rebuild from the first event."""
    mend = f"eventsrc checkpoint {store.at}"
    if store.head == 0:
        return ok("checkpoint", "nothing to keep yet")
    if store.checkpoint is None:
        return careful("checkpoint", "none yet", mend)
    made, position = store.checkpoint
    reason = f"{_age(store.now - made)} old, {store.head - position:,} events behind"
    if position < store.head and store.now - made > CHECKPOINT_AGE_SECONDS:
        return careful("checkpoint", reason, mend)
    return ok("checkpoint", reason)


def verify(store: Store) -> Finding:
    """A disk that lies is found only by reading."""
    mend = f"eventsrc verify --record {store.at}"
    if store.head == 0 and store.verified is None:
        return ok("verify", "nothing to check yet")
    if store.verified is None:
        return careful("verify", "the log was never checked as a whole", mend)
    age = store.now - store.verified.time
    if not store.verified.ok:
        return wrong("verify", f"{store.verified.problems} problems found {_age(age)} ago", mend)
    if age > VERIFY_AGE_SECONDS:
        return careful("verify", f"checked {_age(age)} ago", mend)
    return ok("verify", f"{store.verified.events:,} events checked {_age(age)} ago")


def read_models(store: Store) -> Finding:
    """A read model that lacks events says so; rebuilding applies the better reading to the whole past."""
    models = (store.status or {}).get("projections", {})
    broken = sorted(name for name, one in models.items() if one["state"] == "broken" or one["dead_letters"])
    if broken:
        reason = f"incomplete: {', '.join(broken)}"
        return careful("read models", reason, f"eventsrc rebuild {' '.join(broken)} {store.at}")
    return ok("read models", "complete" if models else "not asked: no service runs")


def _age(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 2 * DAY else f"{seconds / DAY:.0f} days"


def _holder(data: Path) -> str:
    return (log_directory(data) / LOCK).read_text("utf-8", "replace").strip("\0 \n") or "another process"


def _files(data: Path) -> list[Path]:
    """The directory's parts and what lies directly in them: enough to see who else was here."""
    found = [data / part for part in PARTS]
    return [one for part in found if part.is_dir() for one in (part, *part.iterdir())]


def _readable(data: Path) -> bool:
    return any((data / part).is_dir() and stat.S_IMODE((data / part).stat().st_mode) & 0o077 for part in PARTS)


def _checkpoint(data: Path) -> tuple[float, int] | None:
    try:
        newest = checkpoints(data).latest()
    except EventsrcError:
        return None
    return (parse_time(newest["created"]) or 0.0, newest["position"]) if newest else None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
