"""One writer per read model: a lock held for as long as something writes it.

Readers never take it. The system releases it when its holder dies, however that happens, so it is never stale.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from eventsrc.durable import Disk
from eventsrc.errors import RebuildRunning


class Lock:
    """`Lock.take(folder, name)` or `RebuildRunning`; also a context manager."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, folder: Path, name: str, disk: Disk) -> Lock:
        """Takes the lock of the read model whose generations lie in `folder`, without waiting."""
        disk.mkdir(str(folder))
        fd = disk.open(str(folder / "lock"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 64, 0).decode("ascii", "replace").strip() or "another process"
            os.close(fd)
            raise RebuildRunning(name=name, path=str(folder), holder=holder) from error
        try:
            disk.truncate(fd, 0)
            disk.write(fd, f"process {os.getpid()}\n".encode())
        except BaseException:
            os.close(fd)  # and with it the lock: nobody would release it
            raise
        return cls(fd)

    def release(self) -> None:
        """Lets the next writer in. Releasing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
