"""Files beside the rows of a read model that grow with them: appended to, cut back, looked at.

A projection may not touch the disk by itself (law L9); this does it for one that keeps texts in files. Rows say how
long a file truly is. A batch is appended before its rows are committed, so what a crash leaves is too long, never too
short: `recover` cuts it. Nothing is synced; a file that is shorter than its row says so by `ReadModelDamaged`, and the
engine builds the read model again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from eventsrc.errors import ReadModelDamaged

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class GrowingFiles:
    """The files of one generation: folders with files in them, named `folder/file`. Remembers how long they were before
    the open batch."""

    def __init__(self, root: str, name: str) -> None:
        """`root`: the projection's folder; `name`: that of the read model."""
        self._root = Path(root)
        self._base = str(self._root)
        self._name = name
        self._before: dict[str, int] = {}
        self._made: set[str] = set()
        """Folders that this batch made."""

    def append(self, path: str, at: int, data: bytes) -> None:
        """Writes behind the first `at` bytes, which are the ones that are true; makes the file when it is new. Raises
        OSError, and `ReadModelDamaged` when the file holds less than `at`."""
        fd = self._open(path, new=at == 0)
        try:
            size = os.fstat(fd).st_size
            if size < at:
                raise self._short(path, size, at)
            self._before.setdefault(path, at)
            if size > at:  # a batch that was never committed
                os.ftruncate(fd, at)
            written = os.write(fd, data)
            while written < len(data):
                written += os.write(fd, memoryview(data)[written:])
        finally:
            os.close(fd)

    def read(self, path: str, size: int) -> bytes:
        """The first `size` bytes of a file."""
        try:
            with open(self._place(path), "rb") as file:
                data = file.read(size)
        except FileNotFoundError:
            data = b""
        if len(data) < size:
            raise self._short(path, len(data), size)
        return data

    def keep(self) -> None:
        """The batch is committed."""
        self._before.clear()
        self._made.clear()

    def undo(self) -> None:
        """The batch is not: files go back to where they were before it. One that cannot be cut now is cut before it is
        appended to."""
        for path, size in self._before.items():
            with contextlib.suppress(OSError):
                os.truncate(self._place(path), size)
        self._before.clear()
        self._made.clear()

    def recover(self, rows: Iterable[tuple[str, int]]) -> None:
        """Makes the files what `rows` (path, bytes) say: cuts what is too long, raises `ReadModelDamaged` for what is
        too short, removes folders that no row names. One look per file, nothing is read. A new file in a folder that
        is named stays: the batch that made it comes again, and cuts it before it appends."""
        strangers = {entry.name for entry in os.scandir(self._root)} if self._root.is_dir() else set()
        for path, size in rows:
            try:
                found = os.lstat(f"{self._root}/{path}").st_size
            except FileNotFoundError:
                found = 0
            if found < size:
                raise self._short(path, found, size)
            if found > size:
                os.truncate(self._place(path), size)
            strangers.discard(path.partition("/")[0])
        for name in strangers:
            _remove(self._root / name)

    def _open(self, path: str, *, new: bool) -> int:
        place = self._place(path)
        home = path.partition("/")[0]
        if new and home not in self._made:  # looking first would be one more call per message, most of a rebuild
            with contextlib.suppress(FileExistsError):
                self._make(home)
            self._made.add(home)
        try:
            return os.open(place, _FLAGS, 0o600)
        except FileNotFoundError:  # the folder is gone: the caller finds that the file has lost something
            self._make(home)
            return os.open(place, _FLAGS, 0o600)

    def _make(self, home: str) -> None:
        try:
            (self._root / home).mkdir(0o700)
        except FileNotFoundError:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._root / home).mkdir(0o700)

    def _place(self, path: str) -> str:
        home, name = path.split("/")  # whatever was made into a path, it has two parts
        assert home not in ("", ".", "..") and name not in ("", ".", ".."), f"{path!r} leads out of its folder"
        return f"{self._base}/{path}"  # a `Path` costs as much as opening the file

    def _short(self, path: str, size: int, at: int) -> ReadModelDamaged:
        return ReadModelDamaged(name=self._name, reason=f"{path} has {size} bytes, its row counts {at}")


def _remove(path: Path) -> None:
    """Only its own files are in its folder, so whatever no row names is left from a batch that was undone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
