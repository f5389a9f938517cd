"""The only place that calls fsync, rename and truncate on what must survive (laws L2, L3, L8).

A `Disk` is a value that is handed to whoever writes, so that a test can hand over one that fails, tears or forgets.
Methods block: call them on a thread that may wait. They raise OSError as the system gives it; rooms translate.

On Linux a sync is `fdatasync`; on macOS it is `F_FULLFSYNC`, because there fsync stops at the drive's cache.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Durable operations on files, by descriptor or path."""

    def open(self, path: str, flags: int) -> int:
        """Opens (with mode 0o600 for new files, close-on-exec) and returns a descriptor."""
        ...

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """One write at the end of an append-only file; returns how many bytes were taken, which may be fewer."""
        ...

    def sync(self, fd: int) -> None:
        """Returns when the file's content is durable. After it raised, the content is unknown: do not call it again."""
        ...

    def sync_directory(self, path: str) -> None:
        """Returns when the names in the directory are durable."""
        ...

    def truncate(self, fd: int, length: int) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def mkdir(self, path: str) -> None: ...

    def close(self, fd: int) -> None: ...


class SystemDisk:
    """The machine's disk."""

    def open(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        sync_file(fd)

    def sync_directory(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def rename(self, old: str, new: str) -> None:
        Path(old).replace(new)

    def unlink(self, path: str) -> None:
        Path(path).unlink()

    def mkdir(self, path: str) -> None:
        Path(path).mkdir(0o700, parents=True, exist_ok=True)

    def close(self, fd: int) -> None:
        os.close(fd)


def sync_file(fd: int, platform: str = sys.platform) -> None:
    """Makes a file's content durable in the way that the platform needs."""
    if platform == "darwin":
        fcntl.fcntl(fd, getattr(fcntl, "F_FULLFSYNC", 51))
    else:
        os.fdatasync(fd)


def write_all(disk: Disk, fd: int, data: bytes | bytearray | memoryview) -> None:
    """Writes everything, however many short writes it takes."""
    view = memoryview(data)
    while view:
        taken = disk.write(fd, view)
        view = view[taken:]


def write_file(disk: Disk, path: str, data: bytes) -> None:
    """Replaces a small file atomically and durably: temporary file, sync, rename, sync of the directory."""
    temporary = f"{path}.tmp"
    fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, data)
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(temporary, path)
    disk.sync_directory(str(Path(path).parent))
