"""The log, open for appending. One per data directory at a time (law L4)."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from eventsrc.clock import Clock, format_time
from eventsrc.durable import Disk
from eventsrc.errors import LogCorrupt, LogFailed, NoStore
from eventsrc.event import Cursor, Position
from eventsrc.limits import SEGMENT_BYTES
from eventsrc.log.chain import GENESIS, Sealed, encode_sealed, seal
from eventsrc.log.digest import Digest, combined, digest_at
from eventsrc.log.draft import fingerprint_of, identity
from eventsrc.log.index import Changes, Index, Known, known_durable, remove
from eventsrc.log.knowledge import Knowledge
from eventsrc.log.layout import MANIFEST, index_path, log_directory, segment_name, segments
from eventsrc.log.lock import Lock
from eventsrc.log.plan import Answer, Batch, Behind, Group, Knows, plan
from eventsrc.log.reader import LogReader
from eventsrc.log.reading import reading
from eventsrc.log.recovery import Opened, Recovery, make_directory, open_files
from eventsrc.log.segment import Segment, append_durably, failure


class Log:
    """Appends groups of events. Every method blocks; calls from several threads wait for each other."""

    def __init__(self, directory: Path, disk: Disk, clock: Clock, lock: Lock, opened: Opened) -> None:
        """Use `Log.open`."""
        self.directory = directory
        """The data directory."""
        self.head: Position = opened.head
        """The last durable position; 0 when there is none."""
        self.recovery = Recovery(opened.cuts)
        """What opening found."""
        self.sync_seconds: float | None = None
        """How long the last write and sync took; None when there was nothing new to write."""
        self._disk = disk
        self._clock = clock
        self._lock = lock
        self._turn = threading.RLock()
        self._sealed: list[Sealed] = opened.sealed
        self._first, self._size = opened.first, opened.size
        self._segment: Segment | None = None
        self._segment_bytes = SEGMENT_BYTES
        self._failed: LogFailed | None = None
        self._reader = LogReader(directory)
        self._second: ThreadPoolExecutor | None = None
        self._knowledge: Knowledge

    @classmethod
    def open(
        cls, directory: Path, *, disk: Disk, clock: Clock, create: bool = True, segment_bytes: int = SEGMENT_BYTES
    ) -> Log:
        """Opens the log of a data directory and brings it in order.

        Raises `NoStore` (only without `create`), `LockHeld`, `LogCorrupt` and `LogUnreadable` (nothing is changed
        then), `LogFailed`, `TryAgain` (no room, or too many open files).
        """
        log = log_directory(directory)
        try:
            _check_folder(log, directory, create)
        except OSError as error:
            raise failure("open", error.filename or log, error) from error
        make_directory(directory, disk)
        lock = Lock.acquire(log, clock)
        try:
            with reading(log):
                files = open_files(log, disk, known_durable(index_path(directory)))
            opened = cls(directory, disk, clock, lock, files)
            opened._segment_bytes = segment_bytes
            opened._learn()
        except BaseException:
            lock.release()
            raise
        return opened

    def commit(self, batches: Sequence[Batch]) -> list[Answer]:
        """Decides, writes and syncs batches as one group; the answers hold when this returns.

        Raises `DiskFull` (nothing of the group is stored, and it may be tried again) and `LogFailed`: then this log
        writes nothing more, and what is durable is found by opening it again (law L8).
        """
        return self.store(self.plan(batches))

    def plan(self, batches: Sequence[Batch], behind: Group | None = None) -> Group:
        """Decides batches without storing them, on top of the head or of a group that is planned already.

        The plan holds as long as nothing else is stored before it but `behind`."""
        first = (self.head if behind is None else behind.last) + 1
        known: Knows = self._knowledge if behind is None else Behind(behind, self._knowledge)
        try:
            return plan(batches, first, format_time(self._clock.now()), known)
        except LogFailed as error:
            self._failed = error
            raise

    def store(self, group: Group) -> list[Answer]:
        """Writes and syncs a plan; its answers hold when this returns. Raises like `commit`."""
        with self._turn:
            if self._failed is not None:
                raise self._failed
            try:
                return self._store(group)
            except LogFailed as error:
                self._failed = error
                raise

    def store_and_plan(self, group: Group, batches: Sequence[Batch]) -> tuple[list[Answer], Group]:
        """Stores a group and meanwhile decides the next one: while the disk syncs, the processor encodes.

        Raises like `commit`, when neither holds."""
        if self._second is None:
            self._second = ThreadPoolExecutor(1, "log")
        following = self._second.submit(self.plan, batches, group)
        try:
            answers = self.store(group)
        finally:
            wait([following])
        return answers, following.result()

    def cursor(self, key: str) -> Cursor | None:
        """The last cursor of a key."""
        with self._turn:
            return self._knowledge.cursor(key)

    def revision(self, subject: str) -> int:
        """The last revision of a stream; 0 when there is none."""
        with self._turn:
            return self._knowledge.revision(subject)

    def digest(self) -> Digest:
        """At the head. Reads what was appended since it was last asked."""
        with self._turn:
            if self._segment is not None and self._segment.size:
                return Digest(self.head, combined(self._chain, self._segment.digest()))
            return digest_at(log_directory(self.directory), self._sealed, self.head)

    def digest_at(self, position: Position) -> Digest | None:
        """What `digest` gave when the head stood at `position`; None when the log is shorter. Reads one segment."""
        with self._turn:
            if not 0 <= position <= self.head:
                return None
            return digest_at(log_directory(self.directory), self._sealed, position)

    def close(self) -> None:
        """Closes the files and lets go of the lock. What was appended is durable already. May be called twice."""
        with self._turn:
            if self._lock.held:
                try:
                    if self._segment is not None:
                        self._segment.close()
                    self._knowledge.close()
                finally:
                    if self._second is not None:
                        self._second.shutdown()
                    self._lock.release()

    # --- committing ---

    def _store(self, group: Group) -> list[Answer]:
        assert group.first == self.head + 1, "a plan holds for the head that it was made for"
        self.sync_seconds = None
        if not group.changes.events:
            return group.answers
        segment = self._writable()
        began = self._clock.monotonic()
        segment.append(group.body)
        self.sync_seconds = self._clock.monotonic() - began
        self.head = group.last
        group.changes.segments = {(subject, segment.first) for subject in group.changes.revisions}
        self._knowledge.absorb(group.changes)
        if self._knowledge.is_due:
            self._knowledge.flush()
        return group.answers

    def _writable(self) -> Segment:
        """The newest segment, or the next one when it is full."""
        if self._segment is None:
            self._segment = Segment.open(self._disk, log_directory(self.directory), self._first, self._size)
        if self._segment.size >= self._segment_bytes:
            self._seal(self._segment)
            self._segment = Segment.open(self._disk, log_directory(self.directory), self._first, 0)
        return self._segment

    def _seal(self, segment: Segment) -> None:
        """Names a full segment in the manifest; its content was synced with its last group."""
        path = log_directory(self.directory) / MANIFEST
        try:
            entry = seal(self._sealed, segment.first, self.head, segment.size, segment.digest())
            size = path.stat().st_size
            fd = self._disk.open(str(path), os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise failure("open", error.filename or path, error) from error
        try:
            append_durably(self._disk, fd, path, size, encode_sealed(entry))
        finally:
            self._disk.close(fd)
        segment.close()
        self._segment = None
        self._sealed.append(entry)
        self._first, self._size = self.head + 1, 0

    @property
    def _chain(self) -> str:
        return self._sealed[-1].chain if self._sealed else GENESIS

    # --- knowing ---

    def _learn(self) -> None:
        """Opens the index and brings it up to the head; builds it anew when it is not this log's."""
        path = index_path(self.directory)
        try:
            index, reached, reason = self._open_index(path)
        except (sqlite3.Error, OSError) as error:
            raise LogFailed(operation="open", path=str(path), reason=str(error)) from error
        self._knowledge = Knowledge(index, path)
        self._read_into(reached)
        self.recovery = Recovery(self.recovery.cuts, reason)

    def _open_index(self, path: Path) -> tuple[Index, Position, str]:
        """(the index, how far it goes, why it was begun anew or "")."""
        reason = ""
        try:
            index = Index.open(path)
            reached, checksum = index.reached
            reason = self._disagreement(reached, checksum)
            if not reason:
                return index, reached, ""
            index.close()
        except sqlite3.Error as error:
            reason = str(error)
        remove(path)
        return Index.open(path), 0, reason

    def _disagreement(self, reached: Position, checksum: int) -> str:
        if reached > self.head:
            return f"it knows {reached} events, the log holds {self.head}"
        if reached == 0:
            return ""
        there = self._reader.read(reached - 1, until=reached, max_events=1)
        return "" if there and there[0].crc32 == f"{checksum:08x}" else "it belongs to another log"

    def _read_into(self, reached: Position) -> None:
        while reached < self.head:
            events = self._reader.read(reached, until=self.head)
            changes = Changes()
            for event in events:
                changes.revisions[event.subject] = event.revision
                if event.cursor is not None:
                    changes.cursors[event.cursor.partition(" ")[0]] = (event.cursor, event.position)
                if event.unique:
                    known = Known(event.position, fingerprint_of(event))
                    changes.ids[identity(event.source, event.id)] = known
                changes.segments.add((event.subject, self._segment_of(event.position)))
            changes.events = len(events)
            changes.position = events[-1].position
            changes.checksum = int(events[-1].crc32, 16)
            self._knowledge.absorb(changes)
            reached = changes.position
            if self._knowledge.is_due:
                self._knowledge.flush()

    def _segment_of(self, position: Position) -> Position:
        if position >= self._first:
            return self._first
        return next(entry.first for entry in reversed(self._sealed) if entry.first <= position)


def _check_folder(log: Path, directory: Path, create: bool) -> None:
    """Whether there is a log, or may be one. Raises `NoStore`, `LogCorrupt`, OSError."""
    if not (log / MANIFEST).exists():
        if there := segments(log):
            detail = "the manifest is missing, so that nothing vouches for the segments"
            raise LogCorrupt(segment=segment_name(there[0]), line=0, byte=0, detail=detail)
        if not create:
            raise NoStore(path=directory)
