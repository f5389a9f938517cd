"""The segment that is being written: a group is durable in it, or leaves no trace, or the log has failed."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from eventsrc.durable import Disk
from eventsrc.errors import DiskFull, EventsrcError, LogFailed
from eventsrc.event import Position
from eventsrc.limits import HASH_BYTES
from eventsrc.log.layout import segment_name

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
"""Conditions that pass, and that leave nothing half done once the file is cut back (law L8)."""


def failure(operation: str, path: Path | str, error: OSError) -> EventsrcError:
    """What an error of a durable operation means: no room (passes) or the end of writing."""
    reason = error.strerror or str(error)
    if error.errno in NO_ROOM and operation != "sync":
        return DiskFull(path=str(path), reason=reason)
    return LogFailed(operation=operation, path=str(path), reason=reason)


def append_durably(disk: Disk, fd: int, path: Path, start: int, data: bytes) -> None:
    """Writes and syncs `data` at the end of a file that has `start` bytes.

    Raises `DiskFull` after the file has been cut back, durably, to `start`; `LogFailed` when nothing is known.
    The cut is synced so that no page of the refused write can come back under a later one.
    """
    try:
        view = memoryview(data)
        while view:
            taken = disk.write(fd, view)
            if taken == 0:
                raise OSError(errno.ENOSPC, "the disk took nothing")
            view = view[taken:]
    except OSError as error:
        problem = failure("write", path, error)
        if isinstance(problem, DiskFull):
            _cut_back(disk, fd, path, start)
        raise problem from error
    try:
        disk.sync(fd)
    except OSError as error:
        raise failure("sync", path, error) from error


def _cut_back(disk: Disk, fd: int, path: Path, start: int) -> None:
    operation = "truncate"
    try:
        disk.truncate(fd, start)
        operation = "sync"
        disk.sync(fd)
    except OSError as error:
        raise LogFailed(operation=operation, path=str(path), reason=error.strerror) from error


class Segment:
    """The newest file of the log, open for appending. Owned by the log's one writer."""

    def __init__(self, disk: Disk, path: Path, fd: int, first: Position, size: int) -> None:
        self._disk = disk
        self._fd = fd
        self._hash = sha256()
        self._hashed = 0
        self.path = path
        self.first = first
        self.size = size
        """Bytes up to the end of the last durable group."""

    @classmethod
    def open(cls, disk: Disk, log: Path, first: Position, size: int) -> Segment:
        """Opens the segment that begins at `first`, or makes it; its name is durable when this returns."""
        path = log / segment_name(first)
        operation = "open"
        try:
            fd = disk.open(str(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            operation = "sync"
            disk.sync_directory(str(log))
        except OSError as error:
            raise failure(operation, path, error) from error
        return cls(disk, path, fd, first, size)

    def append(self, data: bytes) -> None:
        """Makes one group durable. Raises like `append_durably`."""
        append_durably(self._disk, self._fd, self.path, self.size, data)
        self.size += len(data)

    def digest(self) -> str:
        """SHA-256 of the bytes up to `size`; reads only what was not hashed yet, from the page cache normally."""
        if self._hashed < self.size:
            piece = memoryview(bytearray(HASH_BYTES))
            with self.path.open("rb", buffering=0) as file:
                file.seek(self._hashed)
                while self._hashed < self.size:
                    read = file.readinto(piece[: self.size - self._hashed])
                    assert read, "the file has the bytes that were made durable"
                    self._hash.update(piece[:read])
                    self._hashed += read
        return self._hash.hexdigest()

    def close(self) -> None:
        """Closes the descriptor; what was appended is durable already."""
        self._disk.close(self._fd)
