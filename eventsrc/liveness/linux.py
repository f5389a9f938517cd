"""The process table of Linux: /proc and pidfds."""

from __future__ import annotations

import fcntl
import os
import struct

from eventsrc.liveness.identity import Boot, Found, Presence

PID_MOST = 2**31 - 1  # pid_t; numbers in records are anybody's, and 0 or negative ones mean groups to the kernel
_TICKS = os.sysconf("SC_CLK_TCK")

_INFO = struct.Struct("=QQ11Ii")  # struct pidfd_info: mask, cgroup, ids, exit status
_GET_INFO = (3 << 30) | (_INFO.size << 16) | (0xFF << 8) | 11  # _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
_INFO_EXIT = 1 << 3

# Fields of /proc/<pid>/stat, counted from the one after the command name (proc_pid_stat(5) numbers minus 3).
_STATE, _THREADS, _START, _STATUS = 0, 17, 19, 49


class LinuxProcesses:
    """`root` is where procfs is mounted."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def boot(self) -> Boot:
        with open(f"{self._root}/sys/kernel/random/boot_id") as file:
            boot_id = file.read().strip()
        return Boot(boot_id, self._boot_time())

    def find(self, pid: int, boot: Boot) -> Found:
        """Under `hidepid` the files of others are missing or refused although they run: then the kernel is asked for
        the bare number, which it answers to everyone."""
        if not 0 < pid <= PID_MOST:
            return Found(Presence.ABSENT)
        try:
            with open(f"{self._root}/{pid}/stat", "rb") as file:
                owner = os.fstat(file.fileno()).st_uid
                stat = file.read()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return Found(Presence.HIDDEN if exists(pid) else Presence.ABSENT)
        return _read(stat, boot, may_know_status=os.geteuid() in (0, owner))

    def hold(self, pid: int) -> int | None:
        try:
            return os.pidfd_open(pid)
        except OSError:  # ended meanwhile, an old kernel, or a sandbox without the call: looking remains
            return None

    def exit_code(self, fd: int) -> int | None:
        """Since Linux 6.15; a reaped process leaves its status to those who hold it."""
        try:
            answer = fcntl.ioctl(fd, _GET_INFO, _INFO.pack(_INFO_EXIT, *[0] * 13))
        except OSError:
            return None
        mask, *_, status = _INFO.unpack(answer)
        return os.waitstatus_to_exitcode(status) if mask & _INFO_EXIT else None

    def _boot_time(self) -> float:
        """Whole seconds, from the kernel: it moves when the wall clock is set, and not otherwise."""
        with open(f"{self._root}/stat", "rb") as file:
            for line in file:
                if line.startswith(b"btime "):
                    return float(line.split()[1])
        raise AssertionError("procfs always tells the boot time")


def _read(stat: bytes, boot: Boot, *, may_know_status: bool) -> Found:
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name may hold blanks and brackets; the rest does not
    started = boot.time + int(fields[_START]) / _TICKS
    # A main thread that has ended while others go on looks like a zombie, and is none.
    if fields[_STATE] not in (b"Z", b"X", b"x") or int(fields[_THREADS]) > 1:
        return Found(Presence.RUNNING, started)
    code = os.waitstatus_to_exitcode(int(fields[_STATUS])) if may_know_status else None
    return Found(Presence.ENDED, started, code)


def exists(pid: int) -> bool:
    """Whether any process has this number, also one that we may neither see nor signal."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
