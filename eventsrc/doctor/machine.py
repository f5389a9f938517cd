"""The machine: what the kernel allows, how SQLite was linked, whether the clock is right."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import sys
from pathlib import Path

import msgspec

from eventsrc.clock import parse_time
from eventsrc.doctor.finding import Finding, careful, ok, wrong
from eventsrc.doctor.mounts import mounts
from eventsrc.doctor.scene import Scene
from eventsrc.errors import EventsrcError
from eventsrc.limits import CLOCK_SECONDS, DOCTOR_FOLDERS
from eventsrc.log import LogReader

STRICT = (3, 37, 0)  # read models have STRICT tables
WAL_RESET = ((3, 7, 0), (3, 51, 2))  # first and last version that may corrupt a database when its WAL is reset
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Machine(msgspec.Struct, frozen=True):
    """Facts about this machine and this user."""

    user: int
    watches: int | None
    """inotify watches that this user may have; None where there is no inotify."""
    folders: int
    """Folders that the service would watch, counted up to DOCTOR_FOLDERS."""
    sqlite: tuple[int, ...]
    now: float
    recorded: float | None
    """When the newest event of the log was recorded."""
    synchronised: bool | None
    """Whether the kernel says so; None where it cannot be asked."""
    hidepid: str
    """The option of /proc: `0` and empty mean that everybody sees every process."""


def look(scene: Scene) -> Machine:
    """Reads procfs, walks the followed folders, asks the kernel for its clock."""
    proc = [one for one in mounts(scene.proc) if one.point == "/proc"]
    options = dict(option.partition("=")[::2] for one in proc[-1:] for option in one.options)
    return Machine(
        user=os.geteuid(),
        watches=_number(scene.proc / "sys/fs/inotify/max_user_watches"),
        folders=_folders(scene.followed),
        sqlite=sqlite3.sqlite_version_info,
        now=scene.now,
        recorded=_recorded(scene.data),
        synchronised=_synchronised(),
        hidepid=options.get("hidepid", ""),
    )


def inotify(machine: Machine) -> Finding:
    """Without a watch a folder is still looked at, only later."""
    if machine.watches is None:
        return ok("inotify", "not here; folders are looked at at a fixed pace")
    reason = f"{machine.folders:,} folders to watch, {machine.watches:,} watches allowed"
    if machine.folders * 2 > machine.watches:
        more = max(524_288, machine.folders * 4)
        mend = (
            f"echo fs.inotify.max_user_watches={more} | sudo tee /etc/sysctl.d/60-eventsrc.conf && sudo sysctl --system"
        )
        return careful("inotify", f"{reason}: new lines will be seen seconds later", mend)
    return ok("inotify", reason)


def sqlite(machine: Machine) -> Finding:
    """eventsrc writes and checkpoints a database with one connection, which the bug does not reach; others might."""
    version = ".".join(map(str, machine.sqlite))
    mend = "uv tool install --reinstall --python-preference only-managed eventsrc"
    if machine.sqlite < STRICT:
        return wrong("sqlite", f"{version}: read models need 3.37 or newer; such a Python brings its own", mend)
    if WAL_RESET[0] <= machine.sqlite <= WAL_RESET[1]:
        reason = f"{version} can corrupt a database that several programs write (WAL reset, mended in 3.51.3)"
        return careful("sqlite", f"{reason}: open read models read-only", mend)
    return ok("sqlite", version)


def clock(machine: Machine) -> Finding:
    """Order is by position and needs no clock; times that people read do."""
    mend = "sudo timedatectl set-ntp true && timedatectl timesync-status"
    if machine.recorded is not None and machine.recorded > machine.now + CLOCK_SECONDS:
        ahead = machine.recorded - machine.now
        return wrong(
            "clock", f"the newest event was recorded {ahead:,.0f} s in the future: the clock was set back", mend
        )
    if machine.synchronised is False:
        return careful("clock", "the kernel says that it is not synchronised", mend)
    return ok("clock", "no event is from the future")


def hidepid(machine: Machine) -> Finding:
    """A session whose process cannot be seen is told as invisible, never as gone."""
    if machine.hidepid in ("", "0", "off") or machine.user == 0:
        return ok("hidepid", "processes of agents can be seen")
    reason = (
        f"/proc hides other users' processes (hidepid={machine.hidepid}): their sessions cannot be told as orphaned"
    )
    return careful("hidepid", reason, "sudo mount -o remount,hidepid=0 /proc")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _folders(followed: tuple[Path, ...]) -> int:
    count = 0
    for root in followed:
        for _ in os.walk(root):
            count += 1
            if count >= DOCTOR_FOLDERS:
                return count
    return count


def _recorded(data: Path) -> float | None:
    reader = LogReader(data)
    try:
        events = reader.read(max(0, reader.head() - 1))
    except (EventsrcError, OSError):  # `verify` says so; here it only means that nothing is known
        return None
    return parse_time(events[-1].recordedtime) if events else None


class _Timex(ctypes.Structure):
    """struct timex begins with `modes`; 0 asks. The rest is ours to hold, not to read."""

    _fields_ = [("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508)]


def _synchronised() -> bool | None:
    if sys.platform != "linux":
        return None
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex()))
    return None if state < 0 else bool(state != TIME_ERROR)
