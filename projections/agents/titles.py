"""Titles whose session is not named: they name a record of it, told of before them or after.

A title that waits for its record is a row; one that has found it is gone, and stands in the session.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from eventsrc.plugin import SessionObserved

SCHEMA = ("CREATE TABLE titles(record TEXT PRIMARY KEY, title TEXT NOT NULL, rank INTEGER NOT NULL) STRICT",)

Entitle = Callable[[str, str, int], None]
"""Gives a session (id) a title of a rank."""


class Titles:
    """Titles that wait for the record that they are of."""

    def __init__(self, connection: sqlite3.Connection, entitle: Entitle) -> None:
        self._connection = connection
        self._entitle = entitle
        self.waiting: dict[str, tuple[str, int]] = {
            record: (title, rank)
            for record, title, rank in connection.execute("SELECT record, title, rank FROM titles")
        }
        self._changed: dict[str, None] = {}

    def told(self, fact: SessionObserved, sid: str | None) -> None:
        """A title for the session of record `fact.title_of`, which is `sid` when that record is known."""
        if fact.title is None:
            return
        if sid is not None:
            self._entitle(sid, fact.title, fact.title_rank)
        elif fact.title_rank >= self.waiting.get(fact.title_of, ("", 0))[1]:
            self.waiting[fact.title_of] = (fact.title, fact.title_rank)
            self._changed[fact.title_of] = None

    def seen(self, record: str, sid: str) -> None:
        """A record of a session is told of."""
        found = self.waiting.pop(record, None) if self.waiting else None
        if found is not None:
            self._changed[record] = None
            self._entitle(sid, *found)

    def flush(self) -> None:
        """Writes what changed."""
        gone = [(record,) for record in self._changed if record not in self.waiting]
        rows = [(record, *self.waiting[record]) for record in self._changed if record in self.waiting]
        self._connection.executemany("DELETE FROM titles WHERE record = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO titles VALUES (?, ?, ?)", rows)
        self._changed.clear()
