"""Where checkpoints are made and used, as one value."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from eventsrc.checkpoint.port import Log
from eventsrc.checkpoint.shelf import Shelf
from eventsrc.clock import Clock
from eventsrc.durable import Disk
from eventsrc.errors import CheckpointFailed, DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NAME = re.compile("[a-z0-9_]{1,64}")


class Place(msgspec.Struct, frozen=True):
    """One data directory, seen from here."""

    shelf: Shelf
    read_dir: Path
    log: Log
    disk: Disk
    clock: Clock

    @classmethod
    def of(cls, data: Path, log: Log, disk: Disk, clock: Clock) -> Place:
        """The usual places in the data directory `data`."""
        return cls(Shelf(data / "checkpoints", disk), data / "read", log, disk, clock)

    def built(self) -> list[str]:
        """Names of the read models that answer now, sorted."""
        if not self.read_dir.is_dir():
            return []
        return sorted(
            folder.name
            for folder in self.read_dir.iterdir()
            if _NAME.fullmatch(folder.name) and (folder / "current").is_file()
        )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of the system and of SQLite about files below `path` → `DiskFull` or `CheckpointFailed`."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if error.errno in _FULL:
            raise DiskFull(path=where, reason=error.strerror or error) from error
        raise CheckpointFailed(reason=f"{where}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise DiskFull(path=path, reason=error) from error
        raise CheckpointFailed(reason=f"{path}: {error}") from error
