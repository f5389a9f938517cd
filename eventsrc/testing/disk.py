"""A disk that fails, tears and forgets, over real files: what a power cut leaves can be opened like anything else.

Content and names are followed apart, as a file system does: a file whose bytes were synced is still lost when its
name was not. What is written past this object (SQLite writes its own files) counts as durable.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from eventsrc.durable import SystemDisk

Loss: TypeAlias = Literal["lost", "torn", "zeros", "kept"]
"""What a power cut leaves of bytes that were not synced: nothing, the first part, zeros in their place, all of them.
Names that were not synced vanish with `lost` and `torn`."""


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


class FaultyDisk(SystemDisk):
    """Counts durable operations, makes one of them go wrong, and can forget what was not synced."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.did: list[str] = []
        """Names of the operations so far, in order; `close` is none."""
        self._down = False
        self._failing = ""
        self._paths: dict[int, str] = {}
        self._durable: dict[str, bytes] = {}  # content that survives, by the present path
        self._dropped: set[str] = set()  # a sync failed: the kernel forgot the pages, and later syncs say nothing
        self._names: list[tuple[str, Callable[[], None]]] = []  # (directory, how its change is undone), oldest first

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
        target = Path(path)
        new = not target.exists()
        before = b"" if new else target.read_bytes()
        fd = super().open(path, flags)
        self._paths[fd] = path
        self._durable.setdefault(path, before)
        if new:
            self._names.append((str(target.parent), lambda: target.unlink(missing_ok=True)))
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
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
            self._dropped.add(path)
            raise
        super().sync(fd)
        if path not in self._dropped:
            self._durable[path] = Path(path).read_bytes()

    def sync_directory(self, path: str) -> None:
        self._step("sync_directory", path)
        super().sync_directory(path)
        self._names = [entry for entry in self._names if entry[0] != path]

    def truncate(self, fd: int, length: int) -> None:
        self._step("truncate", self._paths[fd])
        super().truncate(fd, length)

    def rename(self, old: str, new: str) -> None:
        self._step("rename", new)
        source, target = Path(old), Path(new)
        replaced = target.read_bytes() if target.is_file() else None
        super().rename(old, new)
        for path in [path for path in self._durable if path == old or path.startswith(old + "/")]:
            self._durable[new + path[len(old) :]] = self._durable.pop(path)

        def undo() -> None:
            if target.exists():
                target.rename(source)
            if replaced is not None:
                target.write_bytes(replaced)

        self._names.append((str(target.parent), undo))

    def unlink(self, path: str) -> None:
        self._step("unlink", path)
        content = Path(path).read_bytes()
        super().unlink(path)
        self._durable.pop(path, None)
        self._names.append((str(Path(path).parent), lambda: (Path(path).write_bytes(content), None)[1]))

    def mkdir(self, path: str) -> None:
        self._step("mkdir", path)
        new = [folder for folder in (Path(path), *Path(path).parents) if not folder.exists()]
        super().mkdir(path)
        for folder in reversed(new):
            self._names.append((str(folder.parent), lambda folder=folder: shutil.rmtree(folder, True)))  # type: ignore[misc]

    def close(self, fd: int) -> None:
        self._paths.pop(fd, None)
        super().close(fd)

    # --- the power cut ---

    def lose(self, loss: Loss, part: Callable[[int], int] = lambda size: size // 2) -> None:
        """Leaves on the real disk what a power cut would. `part`: how many of n unsynced bytes a torn file keeps."""
        if loss == "kept":
            return
        for path, durable in self._durable.items():
            file = Path(path)
            if not file.is_file() or (present := file.read_bytes()) == durable:
                continue
            more = present[len(durable) :] if present.startswith(durable) else b""
            if loss == "torn":
                durable += more[: part(len(more))]
            elif loss == "zeros":
                durable += bytes(len(more))
            file.write_bytes(durable)
        if loss != "zeros":
            for _, undo in reversed(self._names):
                undo()

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
        if fault.kind == "short" and fault.at == self.count - 1 and self._failing:
            self._failing = ""
            raise OSError(fault.error, os.strerror(fault.error), path)
        if fault.at != self.count and self._failing != name:
            return False
        if fault.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind == "crash":
            self._down = True
            raise Crash
        if fault.kind == "short":
            self._failing = name if name == "write" else ""
            return name == "write"
        self._failing = name if fault.forever else ""
        raise OSError(fault.error, os.strerror(fault.error), path)
