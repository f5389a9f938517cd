"""The process table wherever psutil runs, without being told when a process ends: macOS, and old or closed systems."""

from __future__ import annotations

import psutil

from eventsrc.liveness.identity import Boot, Found, Presence
from eventsrc.liveness.linux import PID_MOST, exists


class PortableProcesses:
    """Start times through psutil, existence through signal 0 (`psutil.pid_exists` believes a table that hides)."""

    def boot(self) -> Boot:
        """There is no boot id to be had everywhere: the boot time stands for it."""
        time = float(int(psutil.boot_time()))
        return Boot(f"boot-{int(time)}", time)

    def find(self, pid: int, boot: Boot) -> Found:
        if not 0 < pid <= PID_MOST:
            return Found(Presence.ABSENT)
        try:
            process = psutil.Process(pid)
            started = process.create_time()
            ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.ZombieProcess:
            return Found(Presence.ENDED)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return Found(Presence.HIDDEN if exists(pid) else Presence.ABSENT)
        return Found(Presence.ENDED if ended else Presence.RUNNING, started)

    def hold(self, pid: int) -> int | None:
        return None

    def exit_code(self, fd: int) -> int | None:
        return None
