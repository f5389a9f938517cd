"""What the tests of the checkpoint room share: a log in memory, read models on disk, a disk that fails on demand."""

from __future__ import annotations

import errno
import sqlite3
from hashlib import sha256
from pathlib import Path

from eventsrc.checkpoint import LogDigest
from eventsrc.checkpoint.place import Place
from eventsrc.durable import Disk, SystemDisk
from eventsrc.event import Position
from eventsrc.projector.generations import Generations
from eventsrc.testing.clock import ManualClock


class MemoryLog:
    """Events as bytes; digests over a prefix of them."""

    def __init__(self, events: int = 0, flavour: str = "") -> None:
        self.events = [f"{flavour}{n}" for n in range(1, events + 1)]

    def digest(self) -> LogDigest:
        found = self.digest_at(len(self.events))
        assert found is not None
        return found

    def digest_at(self, position: Position) -> LogDigest | None:
        if position > len(self.events):
            return None
        return LogDigest(position, sha256("\n".join(self.events[:position]).encode()).hexdigest())


class FailingDisk(SystemDisk):
    """Counts durable operations and makes the n-th fail."""

    def __init__(self, fail_at: int = 0, error: int = errno.EIO) -> None:
        self.count = 0
        self.fail_at = fail_at
        self.error = error
        self.did: list[str] = []

    def _step(self, operation: str, path: str = "") -> None:
        self.count += 1
        self.did.append(operation)
        if self.count == self.fail_at:
            raise OSError(self.error, f"injected at {operation}", path or None)

    def open(self, path: str, flags: int) -> int:
        self._step("open", path)
        return super().open(path, flags)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self._step("write")
        return super().write(fd, data[: max(1, len(data) // 2)])  # short writes are normal, too

    def sync(self, fd: int) -> None:
        self._step("sync")
        super().sync(fd)

    def sync_directory(self, path: str) -> None:
        self._step("sync_directory", path)
        super().sync_directory(path)

    def rename(self, old: str, new: str) -> None:
        self._step("rename", new)
        super().rename(old, new)

    def mkdir(self, path: str) -> None:
        self._step("mkdir", path)
        super().mkdir(path)


def place_of(data: Path, log: MemoryLog, disk: Disk | None = None, clock: ManualClock | None = None) -> Place:
    """The room's view of a data directory."""
    return Place.of(data, log, disk or SystemDisk(), clock or ManualClock())


def grow(data: Path, name: str, position: int, *, files: bool = False) -> sqlite3.Connection:
    """A live read model with one row per event up to `position`; made when it is not there. The connection is open."""
    generations = Generations(data / "read", name)
    number = generations.current()
    fresh = number is None
    number = number or 1
    generations.folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(generations.path(number), isolation_level=None)
    if fresh:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE seen(position INTEGER PRIMARY KEY, text TEXT) STRICT;"
            "CREATE TABLE position(name TEXT PRIMARY KEY, position INTEGER, digest TEXT, applied_at TEXT);"
            "CREATE TABLE schema_version(version INTEGER, applied_at TEXT); INSERT INTO schema_version VALUES (3, '');"
            "CREATE VIRTUAL TABLE found USING fts5(text);"
        )
        connection.execute("INSERT INTO position VALUES (?, 0, '', '')", (name,))
        generations.switch(1, SystemDisk())
    connection.execute("BEGIN IMMEDIATE")
    (reached,) = connection.execute("SELECT position FROM position").fetchone()
    connection.executemany("INSERT INTO seen VALUES (?, ?)", [(n, f"e{n}") for n in range(reached + 1, position + 1)])
    connection.execute("UPDATE position SET position = ?", (position,))
    connection.execute("COMMIT")
    if files:
        folder = generations.files(number) / "sub"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "deltas.jsonl").write_text("x" * position)
        (folder.parent / "top").write_text("t")
    return connection


def rows(data: Path, name: str) -> list[int]:
    """Positions in the generation that answers now."""
    generations = Generations(data / "read", name)
    number = generations.current()
    assert number is not None
    with sqlite3.connect(generations.path(number)) as connection:
        found = [n for (n,) in connection.execute("SELECT position FROM seen ORDER BY position")]
    connection.close()
    return found
