"""The derived index: which ids, streams and cursors the log holds. SQLite; may vanish at any time.

It says itself how far it goes and what the checksum of the line there is, so that one which belongs to another log, or
to another past of this one, is recognised. `sqlite3.Error` leaves this module: the caller knows what a broken index
means for it (the writer builds it anew, a reader does without).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from eventsrc.event import Cursor, Position

_VERSION: Final = 1
_KEYS_AT_ONCE: Final = 500  # below SQLite's oldest limit of 999 parameters
_SCHEMA: Final = """
CREATE TABLE reached(one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, crc32 INTEGER NOT NULL) STRICT;
INSERT INTO reached VALUES (1, 0, 0);
CREATE TABLE ids(key BLOB PRIMARY KEY, position INTEGER NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE streams(id INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL) STRICT;
CREATE TABLE stream_segments(stream INTEGER NOT NULL, segment INTEGER NOT NULL, PRIMARY KEY (stream, segment))
  STRICT, WITHOUT ROWID;
CREATE TABLE cursors(key TEXT PRIMARY KEY, cursor TEXT NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


class Known(msgspec.Struct, frozen=True, gc=False):
    """Where an id was used, and for what data."""

    position: Position
    digest: bytes


class Changes(msgspec.Struct):
    """What events add to the index. Grows in memory until it is written."""

    position: Position = 0
    """The last of these events; 0 when there are none."""
    checksum: int = 0
    """CRC-32 of its line."""
    events: int = 0
    revisions: dict[str, int] = {}
    """The last revision of each stream."""
    segments: set[tuple[str, Position]] = set()
    """(subject, first position of a segment that holds some of its events)."""
    cursors: dict[str, tuple[Cursor, Position]] = {}
    ids: dict[bytes, Known] = {}


class Index:
    """One connection to the index file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Index:
        """Opens the index for writing, or makes an empty one. Use from one thread at a time.

        Raises `sqlite3.DatabaseError` when the file is not an index of this version.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
            elif version != _VERSION:
                raise sqlite3.DatabaseError(f"the index has version {version}")
            index = cls(connection)
            _ = index.reached
        except BaseException:
            connection.close()
            raise
        return index

    @classmethod
    def read_only(cls, path: Path) -> Index:
        """Opens an existing index beside its writer. Raises `sqlite3.Error` when there is none."""
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        return cls(connection)

    @property
    def reached(self) -> tuple[Position, int]:
        """The last position that the index holds and the checksum of its line; (0, 0) when it is empty."""
        row = self._connection.execute("SELECT position, crc32 FROM reached").fetchone()
        if row is None:
            raise sqlite3.DatabaseError("the index does not say how far it goes")
        return row[0], row[1]

    def revision(self, subject: str) -> int:
        """The last revision of a stream; 0 when there is none."""
        row = self._connection.execute("SELECT revision FROM streams WHERE subject = ?", (subject,)).fetchone()
        return row[0] if row else 0

    def cursor(self, key: str) -> Cursor | None:
        """The last cursor of a key."""
        row = self._connection.execute("SELECT cursor FROM cursors WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def ids(self, keys: Sequence[bytes]) -> dict[bytes, Known]:
        """Those of the keys that were used."""
        found: dict[bytes, Known] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(f"SELECT key, position, digest FROM ids WHERE key IN ({marks})", some)
            found.update((key, Known(position, digest)) for key, position, digest in rows)
        return found

    def segments(self, subject: str) -> list[Position]:
        """First positions of the segments that hold events of a stream, as far as the index goes."""
        rows = self._connection.execute(
            "SELECT segment FROM stream_segments JOIN streams ON stream = id WHERE subject = ? ORDER BY segment",
            (subject,),
        )
        return [row[0] for row in rows]

    def write(self, changes: Changes) -> None:
        """Adds changes in one transaction: afterwards all of them are there, or none."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT INTO streams(subject, revision) VALUES (?, ?)"
                " ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision",
                changes.revisions.items(),
            )
            connection.executemany(
                "INSERT OR IGNORE INTO stream_segments SELECT id, ?2 FROM streams WHERE subject = ?1", changes.segments
            )
            connection.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", _rows(changes.cursors.items()))
            connection.executemany(
                "INSERT OR IGNORE INTO ids VALUES (?, ?, ?)",
                ((key, known.position, known.digest) for key, known in changes.ids.items()),
            )
            connection.execute("UPDATE reached SET position = ?, crc32 = ?", (changes.position, changes.checksum))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()


def known_durable(path: Path) -> Position:
    """How far an index says that the log was durable; 0 when there is none that can be read."""
    try:
        index = Index.read_only(path)
        try:
            return index.reached[0]
        finally:
            index.close()
    except sqlite3.Error:
        return 0


def remove(path: Path) -> None:
    """Deletes an index with its journal: a journal that outlives its database would be applied to the next one."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _rows(cursors: Iterable[tuple[str, tuple[Cursor, Position]]]) -> Iterable[tuple[str, Cursor, Position]]:
    return ((key, cursor, position) for key, (cursor, position) in cursors)
