"""What the writer knows about ids, streams and cursors: memory first, then the index.

Memory holds what is durable in the log but not yet in the index, and the revisions of recent streams. Losing it costs
nothing: opening reads the tail of the log again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

from eventsrc.errors import LogFailed
from eventsrc.event import Cursor
from eventsrc.limits import INDEX_FLUSH_EVENTS, INDEX_PENDING_EVENTS, STREAM_CACHE
from eventsrc.log.index import Changes, Index, Known, remove


class Knowledge:
    """Owned by the writer, which may plan a group on one thread while another one is being stored on a second."""

    def __init__(self, index: Index, path: Path, *, stream_cache: int = STREAM_CACHE) -> None:
        self._index = index
        self._path = path
        self._pending = Changes()
        self._recent: dict[str, int] = {}  # revisions; the order is that of use, oldest first
        self._stream_cache = stream_cache
        self._turn = threading.RLock()

    def revision(self, subject: str) -> int:
        """The last revision of a stream; 0 when there is none."""
        with self._turn:
            known = self._recent.get(subject)
            if known is None:
                known = self._pending.revisions.get(subject)
            if known is None:
                try:
                    known = self._index.revision(subject)
                except sqlite3.Error as error:
                    raise self._broken(error) from error
                self._remember({subject: known})
            return known

    def ids(self, keys: Iterable[bytes]) -> dict[bytes, Known]:
        """Those of the keys that were used."""
        with self._turn:
            pending = self._pending.ids
            keys = list(keys)
            found = {key: pending[key] for key in keys if key in pending}
            try:
                found.update(self._index.ids([key for key in keys if key not in found]))
            except sqlite3.Error as error:
                raise self._broken(error) from error
            return found

    def cursor(self, key: str) -> Cursor | None:
        """The last cursor of a key."""
        with self._turn:
            pending = self._pending.cursors.get(key)
            if pending is not None:
                return pending[0]
            try:
                return self._index.cursor(key)
            except sqlite3.Error as error:
                raise self._broken(error) from error

    def absorb(self, changes: Changes) -> None:
        """Takes in what has become durable."""
        with self._turn:
            pending = self._pending
            assert changes.position > pending.position, "groups become durable in order"
            pending.position = changes.position
            pending.checksum = changes.checksum
            pending.events += changes.events
            pending.revisions.update(changes.revisions)
            pending.segments |= changes.segments
            pending.cursors.update(changes.cursors)
            pending.ids.update(changes.ids)
            self._remember(changes.revisions)

    @property
    def is_due(self) -> bool:
        """Whether enough waits in memory for a write to the index."""
        return self._pending.events >= INDEX_FLUSH_EVENTS

    def flush(self) -> None:
        """Writes to the index what waits in memory. When that fails it waits on: the index is not the truth."""
        with self._turn:
            if not self._pending.events:
                return
            try:
                self._index.write(self._pending)
            except sqlite3.OperationalError as error:
                # No room, or held by an outside program: the next flush carries this too, as long as memory allows.
                if self._pending.events > INDEX_PENDING_EVENTS:
                    raise LogFailed(operation="write", path=str(self._path), reason=str(error)) from error
                return
            except sqlite3.Error as error:
                raise self._broken(error) from error
            self._pending = Changes()

    def close(self) -> None:
        """Flushes and closes. A crash before costs the next opening a look at the tail, nothing else."""
        self.flush()
        self._index.close()

    def _remember(self, revisions: dict[str, int]) -> None:
        recent = self._recent
        for subject, revision in revisions.items():
            recent.pop(subject, None)
            recent[subject] = revision
        while len(recent) > self._stream_cache:
            del recent[next(iter(recent))]

    def _broken(self, error: sqlite3.Error) -> LogFailed:
        """Without the index a duplicate might be stored twice, so the log stops; the next opening builds it anew."""
        remove(self._path)
        return LogFailed(operation="look-up", path=str(self._path), reason=str(error))
