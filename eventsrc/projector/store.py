"""One generation's database, open for writing: transactions, position, dead letters.

Rows and position change in one transaction (law L6). The transaction is begun and ended by hand, so that it is
immediate (no lock is upgraded half-way) and so that nothing commits behind the engine's back.

Live: WAL, `synchronous=NORMAL`. After a power failure the newest transactions may be missing, with their position:
they are applied again. Bulk: no syncs and an exclusive lock, because nobody reads it yet; the journal stays, in
memory, because a poison event is rolled back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from eventsrc.durable import Disk
from eventsrc.errors import DiskFull, EventsrcError, ReadModelBroken, ReadModelDamaged, ReadModelLocked, TryAgain
from eventsrc.event import Position
from eventsrc.limits import BULK_CACHE_BYTES, BUSY_SLICE_SECONDS, DEAD_LETTERS, KIB, LIVE_CACHE_BYTES, WAL_BYTES
from eventsrc.plugin import Projection
from eventsrc.projector import schema
from eventsrc.projector.attempt import is_busy, is_damage, is_full
from eventsrc.projector.portion import DeadLetter

_BULK = (
    "locking_mode = EXCLUSIVE",
    "journal_mode = MEMORY",
    "synchronous = OFF",
    f"cache_size = -{BULK_CACHE_BYTES // KIB}",
)
_LIVE = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    f"cache_size = -{LIVE_CACHE_BYTES // KIB}",
    f"journal_size_limit = {WAL_BYTES}",
)


class Mark(msgspec.Struct, frozen=True):
    """How far a read model has read, and in which log."""

    position: Position = 0
    digest: str = ""
    """Checksum of the log's line at `position`."""
    applied_at: str = ""
    """When the log accepted that event, RFC 3339."""


class Store:
    """Not thread-safe, but not bound to a thread either: one caller at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path, projection: type[Projection], *, bulk: bool) -> None:
        self.connection = connection
        self.path = path
        self.projection = projection
        self.name = projection.name
        self._bulk = bulk
        self._identity = _identity(path)
        row = connection.execute("SELECT position, digest, applied_at FROM position").fetchone()
        if row is None:
            raise ReadModelDamaged(name=self.name, reason=f"{path.name} does not know its position")
        self.mark = Mark(*row)
        (self.dead_letters,) = connection.execute("SELECT count(*) FROM dead_letters").fetchone()

    @classmethod
    def create(cls, path: Path, projection: type[Projection]) -> Store:
        """A new, empty generation, tuned for bulk. `path` must not exist."""
        assert not path.exists(), f"{path} is already there"
        with translated(projection.name, path):
            connection = _connect(path, "rwc", _BULK)
            try:
                schema.create(connection, projection)
                return cls(connection, path, projection, bulk=True)
            except BaseException:
                connection.close()
                raise

    @classmethod
    def open(cls, path: Path, projection: type[Projection]) -> Store:
        """An existing generation, tuned for living. Raises `ReadModelDamaged` when it does not fit the code."""
        with translated(projection.name, path):
            connection = _connect(path, "rw", _LIVE)
            try:
                reason = schema.mismatch(connection, projection)
                if reason:
                    raise ReadModelDamaged(name=projection.name, reason=reason)
                return cls(connection, path, projection, bulk=False)
            except BaseException:
                connection.close()
                raise

    def begin(self) -> None:
        """Begins the one transaction that rows and position share."""
        if not self._bulk and _identity(self.path) != self._identity:
            # the open descriptor would go on writing to a file that has no name any more
            raise ReadModelDamaged(name=self.name, reason=f"{self.path.name} was removed or replaced")
        self.connection.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """Undoes the transaction; harmless without one, and on a store that is closed already."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Writes dead letters in the open transaction. Raises `ReadModelBroken` past DEAD_LETTERS of them."""
        if self.dead_letters + len(letters) > DEAD_LETTERS:
            last = letters[-1]
            reason = f"more than {DEAD_LETTERS} events failed, lately {last.type} at {last.position}: {last.reason}"
            raise ReadModelBroken(name=self.name, reason=reason)
        self.connection.executemany(
            "INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?)", [msgspec.structs.astuple(letter) for letter in letters]
        )

    def commit(self, mark: Mark, *, began: str, letters: int = 0) -> None:
        """Writes the position and ends the transaction. `began`: when the first event after the old position was
        recorded. `letters`: how many were buried in it."""
        if not self.connection.in_transaction:
            raise ReadModelBroken(name=self.name, reason="the projection ended the engine's transaction")
        moved = self.connection.execute(
            "UPDATE position SET position = ?, digest = ?, applied_at = ? WHERE name = ? AND position = ?",
            (mark.position, mark.digest, mark.applied_at, self.name, self.mark.position),
        ).rowcount
        if moved != 1:
            raise ReadModelDamaged(name=self.name, reason="something else moved its position")
        if self.mark.position == 0:
            self.connection.execute("UPDATE schema_version SET applied_at = ?", (began,))
        self.connection.execute("COMMIT")
        self.mark = mark
        self.dead_letters += letters

    def finish(self, disk: Disk) -> None:
        """Ends a bulk build: whole, closed and durable. Nothing points to it yet."""
        self.complete()
        self.sync(disk)

    def complete(self) -> None:
        """The part of `finish` that takes long, and is SQLite's alone: late schema, integrity check, WAL, closed."""
        assert self._bulk, "only a build is finished"
        with translated(self.name, self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            schema.run(self.connection, self.projection, late=True)
            self.connection.execute("COMMIT")
            verdict = self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise ReadModelDamaged(name=self.name, reason=verdict)
            self.connection.execute("PRAGMA locking_mode = NORMAL")
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.close()

    def sync(self, disk: Disk) -> None:
        """Makes what is complete durable."""
        fd = disk.open(str(self.path), os.O_RDWR)
        try:
            disk.sync(fd)
        finally:
            disk.close(fd)

    def close(self) -> bool:
        """Closes; True when everything is in the main file (a reader with an old snapshot can prevent that)."""
        self.rollback()
        try:
            (busy, _, _) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            busy = 1  # whatever it is, the next start looks closely
        self.connection.close()
        return not busy and not self._bulk and _identity(self.path) == self._identity


@contextmanager
def translated(name: str, path: Path) -> Iterator[None]:
    """Turns SQLite's errors about the world into eventsrc's; errors about statements stay what they are."""
    try:
        yield
    except sqlite3.Error as error:
        if is_busy(error):
            raise ReadModelLocked(name=name, reason=str(error)) from error
        if is_full(error):
            raise DiskFull(path=str(path), reason=str(error)) from error
        if is_damage(error):
            raise ReadModelDamaged(name=name, reason=str(error)) from error
        raise ReadModelBroken(name=name, reason=f"{path.name}: {error}") from error


@contextmanager
def refusing(name: str, folder: Path) -> Iterator[None]:
    """Turns what the operating system says about a read model's files into what it means for the read model."""
    try:
        yield
    except OSError as error:
        raise refused(name, str(folder), error) from error


def refused(name: str, folder: str, error: OSError) -> EventsrcError:
    """What an error of the operating system about files beside the rows means for their read model."""
    reason = error.strerror or str(error)
    where = str(error.filename or folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(path=where, reason=reason)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return TryAgain(reason=f"{where}: {reason}")
    return ReadModelBroken(name=name, reason=f"{where}: {reason}")


def _connect(path: Path, mode: str, tuning: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SLICE_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for setting in tuning:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino)
