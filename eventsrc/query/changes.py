"""Whether a read model has changed, learned without asking it anything: what a screen that refreshes needs to know.

Unlike questions, this keeps a connection, because SQLite tells of changes only since the last time that the *same*
connection asked. Between two calls it has no transaction open, so it holds up neither a writer nor a checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from eventsrc.errors import EventsrcError


class Changes:
    """Watches one read model. Blocking, and one caller at a time, on any thread."""

    def __init__(self, current: Callable[[], Path]) -> None:
        """`current`: the database that answers now, by the pointer; see `eventsrc.projector.current`."""
        self._current = current
        self._connection: sqlite3.Connection | None = None
        self._seen: tuple[object, ...] | None = None

    def moved(self) -> bool:
        """True when there may be something new since the last call, and always the first time. While there is no read
        model, or it cannot be opened, every call says so: whoever asks then hears the reason."""
        try:
            seen = self._look()
        except (EventsrcError, OSError, sqlite3.Error):
            self.close()
            return True
        moved = seen != self._seen
        self._seen = seen
        return moved

    def close(self) -> None:
        """Lets go of the connection; the next call opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._seen = None

    def _look(self) -> tuple[object, ...]:
        path = self._current()
        found = path.stat()
        identity = (path, found.st_dev, found.st_ino)  # a rebuild moves the pointer; a restore replaces the file
        if self._connection is None or self._seen is None or self._seen[0] != identity:
            self.close()
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return (identity, version)
