"""One look at one process, in the way that this machine offers."""

from __future__ import annotations

import sys

from eventsrc.liveness.identity import Identity, Presence, Processes, Verdict, judge
from eventsrc.liveness.linux import LinuxProcesses
from eventsrc.liveness.portable import PortableProcesses


def system_processes(platform: str = sys.platform) -> Processes:
    """The process table of this machine."""
    return LinuxProcesses() if platform == "linux" else PortableProcesses()


def look(
    pid: int,
    expected_start: float | None = None,
    *,
    seen_time: float | None = None,
    processes: Processes | None = None,
) -> Verdict:
    """What can be said about the process that had this pid; see `judge` for what may be known about it."""
    table = processes or system_processes()
    boot = table.boot()
    return judge(table.find(pid, boot), boot, expected_start=expected_start, seen_time=seen_time)


def identify(pid: int, processes: Processes | None = None) -> Identity | None:
    """The name of the process that runs under this pid now; None when none does, or when it cannot be seen."""
    table = processes or system_processes()
    boot = table.boot()
    found = table.find(pid, boot)
    if found.presence is not Presence.RUNNING or found.started is None:
        return None
    return Identity(boot.id, pid, found.started)
