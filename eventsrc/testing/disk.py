"""A disk that fails, tears and forgets, over real files: what a power cut leaves can be opened like anything else."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from eventsrc.durable import SystemDisk
from eventsrc.testing.unsynced import Loss, Unsynced

__all__ = ["Crash", "Fault", "FaultyDisk", "Loss"]


class Crash(BaseException):
    """The machine went down: nothing of the program may catch it, and nothing it does afterwards counts."""


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong at which durable operation."""

    at: int
    """Counted from 1."""
    kind: Literal["error", "short", "crash", "kill"] = "error"
    """`error`: raises OSError; `short`: a write takes half and the next operation raises; `crash`: raises `Crash`, a
    write having reached the cache; `kill`: SIGKILL for this process."""
    error: int = errno.EIO
    forever: bool = False
    """Whether every operation of the same name fails from there on."""
    only: str = ""
    """The name of the operations that are counted; empty: all."""


class FaultyDisk(SystemDisk):
    """Counts durable operations, makes one of them go wrong, and can forget what was not synced."""

    def __init__(
        self, fault: Fault | None = None, *, last_words: Callable[[FaultyDisk], None] = lambda _disk: None
    ) -> None:
        """`last_words` is called right before this process is killed."""
        self.fault = fault
        self.did: list[str] = []
        """Names of the operations so far, in order; `close` is none."""
        self.unsynced = Unsynced()
        """What a power cut would take now."""
        self._last_words = last_words
        self._down = False
        self._failing = ""
        self._paths: dict[int, str] = {}

    @property
    def count(self) -> int:
        """How many operations there were."""
        return len(self.did)

    def fail_next(self, kind: str, error: int = errno.EIO, *, forever: bool = False, skip: int = 0) -> None:
        """Lets operations named `kind` fail from now on: the one after `skip` others, or all from there on."""
        self._pending = (kind, error, forever, skip)

    _pending: tuple[str, int, bool, int] | None = None

    def heal(self) -> None:
        """The trouble is over: there is room again."""
        self.fault = None
        self._pending = None
        self._failing = ""

    # --- operations ---

    def open(self, path: str, flags: int) -> int:
        self._step("open", path)
        if flags & os.O_CREAT and not Path(path).exists():
            self.unsynced.makes("file", path)
        elif flags & os.O_TRUNC:
            self.unsynced.touches(path)
        fd = super().open(path, flags)
        self._paths[fd] = path
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.unsynced.touches(self._paths[fd])
        try:
            short = self._step("write", self._paths[fd])
        except Crash:
            super().write(fd, data)
            raise
        return super().write(fd, data[: max(1, len(data) // 2)] if short else data)

    def sync(self, fd: int) -> None:
        path = self._paths[fd]
        try:
            self._step("sync", path)
        except OSError:
            self.unsynced.dropped.add(path)
            raise
        super().sync(fd)
        self.unsynced.synced(path)

    def sync_directory(self, path: str) -> None:
        self._step("sync_directory", path)
        super().sync_directory(path)
        self.unsynced.directory_synced(path)

    def truncate(self, fd: int, length: int) -> None:
        self._step("truncate", self._paths[fd])
        self.unsynced.touches(self._paths[fd])
        super().truncate(fd, length)

    def rename(self, old: str, new: str) -> None:
        self._step("rename", new)
        self.unsynced.renames(old, new)
        super().rename(old, new)

    def unlink(self, path: str) -> None:
        self._step("unlink", path)
        self.unsynced.unlinks(path)
        super().unlink(path)

    def mkdir(self, path: str) -> None:
        self._step("mkdir", path)
        for folder in reversed([folder for folder in (Path(path), *Path(path).parents) if not folder.exists()]):
            self.unsynced.makes("folder", str(folder))
        super().mkdir(path)

    def close(self, fd: int) -> None:
        self._paths.pop(fd, None)
        super().close(fd)

    def lose(self, loss: Loss, part: Callable[[int], int] = lambda size: size // 2) -> None:
        """The power cut: as `Unsynced.lose`."""
        self.unsynced.lose(loss, part)

    def _step(self, name: str, path: str) -> bool:
        """Counts an operation, raises what must go wrong; True: take only half."""
        if self._down:
            raise Crash
        self.did.append(name)
        if self._pending is not None and self._pending[0] == name:
            kind, error, forever, skip = self._pending
            if skip:
                self._pending = (kind, error, forever, skip - 1)
            else:
                self._pending = self._pending if forever else None
                raise OSError(error, os.strerror(error), path)
        fault = self.fault
        if fault is None:
            return False
        if fault.kind == "short" and self._failing:
            self._failing = ""
            raise OSError(fault.error, os.strerror(fault.error), path)
        reached = self.did.count(fault.only) if fault.only else self.count
        if (fault.at != reached or fault.only not in ("", name)) and self._failing != name:
            return False
        if fault.kind == "kill":
            self._last_words(self)
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind == "crash":
            self._down = True
            raise Crash
        if fault.kind == "short":
            self._failing = name if name == "write" else ""
            return name == "write"
        self._failing = name if fault.forever else ""
        raise OSError(fault.error, os.strerror(fault.error), path)
