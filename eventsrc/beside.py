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
from itertools import groupby
from pathlib import Path

from eventsrc.errors import ReadModelDamaged

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class GrowingFiles:
    """The files of one generation: folders with files in them, named `folder/file`. Remembers how long they were before
    the open batch."""

    def __init__(self, root: str, name: str) -> None:
        """`root`: the projection's folder; `name`: that of the read model."""
        self._root = Path(root)
        self._name = name
        self._before: dict[str, int] = {}

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
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)

    def read(self, path: str, size: int) -> bytes:
        """The first `size` bytes of a file."""
        try:
            with self._place(path).open("rb") as file:
                data = file.read(size)
        except FileNotFoundError:
            data = b""
        if len(data) < size:
            raise self._short(path, len(data), size)
        return data

    def keep(self) -> None:
        """The batch is committed."""
        self._before.clear()

    def undo(self) -> None:
        """The batch is not: files go back to where they were before it. One that cannot be cut now is cut before it is
        appended to."""
        for path, size in self._before.items():
            with contextlib.suppress(OSError):
                os.truncate(self._place(path), size)
        self._before.clear()

    def recover(self, rows: Iterable[tuple[str, int]]) -> None:
        """Makes the files what `rows` (path, bytes), sorted by path, say. One look per folder, nothing is read."""
        strangers = {entry.name for entry in os.scandir(self._root)} if self._root.is_dir() else set()
        for home, files in groupby(rows, lambda row: row[0].partition("/")[0]):
            self._recover_folder(home, {path.partition("/")[2]: size for path, size in files})
            strangers.discard(home)
        for name in strangers:
            _remove(self._root / name)

    def _recover_folder(self, home: str, expected: dict[str, int]) -> None:
        folder = self._root / home
        with os.scandir(folder) if folder.is_dir() else contextlib.nullcontext(()) as entries:
            sizes = {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}
        for name, size in expected.items():
            found = sizes.pop(name, 0)
            if found < size:
                raise self._short(f"{home}/{name}", found, size)
            if found > size:
                os.truncate(folder / name, size)
        for name in sizes:
            _remove(folder / name)

    def _open(self, path: str, *, new: bool) -> int:
        place = self._place(path)
        if new:  # looking first would cost one more call per message, and those are most of a rebuild
            with contextlib.suppress(FileExistsError):
                self._make(place.parent)
        try:
            return os.open(place, _FLAGS, 0o600)
        except FileNotFoundError:  # the folder is gone: the caller finds that the file has lost something
            self._make(place.parent)
            return os.open(place, _FLAGS, 0o600)

    def _make(self, home: Path) -> None:
        try:
            home.mkdir(0o700)
        except FileNotFoundError:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            home.mkdir(0o700)

    def _place(self, path: str) -> Path:
        home, name = path.split("/")  # whatever was made into a path, it has two parts
        assert home not in ("", ".", "..") and name not in ("", ".", ".."), f"{path!r} leads out of its folder"
        return self._root / home / name

    def _short(self, path: str, size: int, at: int) -> ReadModelDamaged:
        return ReadModelDamaged(name=self._name, reason=f"{path} has {size} bytes, its row counts {at}")


def _remove(path: Path) -> None:
    """Only its own files are in its folder, so whatever no row names is left from a batch that was undone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
