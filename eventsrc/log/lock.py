"""One writer per log directory (law L4): an advisory lock held for life, with the holder's name inside."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from eventsrc.clock import Clock, format_time
from eventsrc.errors import LockHeld, LogFailed
from eventsrc.limits import LOCK_PATIENCE_SECONDS
from eventsrc.log.layout import LOCK

_WIDTH = 80


class Lock:
    """Held from `acquire` to `release`, or until the process is gone: the kernel lets go then, so it is never stale."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, log: Path, clock: Clock) -> Lock:
        """Raises `LockHeld`, which names the holder."""
        path = log / LOCK
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogFailed(operation="open", path=str(path), reason=error.strerror) from error
        if not _try(fd):
            holder = os.pread(fd, _WIDTH, 0).decode("utf-8", "replace").strip("\0 \n")
            os.close(fd)
            raise LockHeld(path=str(log), holder=holder or "another process")
        # Fixed width, so that nothing of a former holder stays; not synced, because it means nothing after a crash.
        os.pwrite(fd, f"pid {os.getpid()} since {format_time(clock.now())}".ljust(_WIDTH - 1).encode() + b"\n", 0)
        return cls(fd)

    @property
    def held(self) -> bool:
        """False once it was released."""
        return self._fd >= 0

    def release(self) -> None:
        """Lets go. Releasing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _try(fd: int) -> bool:
    """Takes the lock; waits a moment, because `is_held` may be looking just now."""
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOCK_PATIENCE_SECONDS / 10)


def is_held(log: Path) -> bool:
    """Whether some process writes this log at this moment."""
    try:
        fd = os.open(log / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
