"""Rows that are only ever added: errors, events that no format reads, and when the machine slept."""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import ErrorReported, MachineWoke, Reading, parse_time

SCHEMA = (
    # When wall time went on without the machine; read by the verdicts of `states.py`.
    "CREATE TABLE wakes(position INTEGER PRIMARY KEY, time REAL NOT NULL, seconds REAL NOT NULL) STRICT",
)


class Notes:
    """What was added in this batch."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._errors: list[tuple[object, ...]] = []
        self._raw: list[tuple[object, ...]] = []
        self._wakes: list[tuple[object, ...]] = []

    def raw(self, reading: Reading) -> None:
        """An event that no format reads, or that one does not know."""
        timestamp = parse_time(reading.time) if reading.time else None
        self._raw.append((reading.id, reading.position, reading.type, timestamp, reading.raw))

    def error(self, fact: ErrorReported, reading: Reading, round_id: str | None, time: float | None) -> None:
        """A failure that somebody recorded; a copy of its record adds nothing."""
        retryable = None if fact.retryable is None else int(fact.retryable)
        event = (reading.id, reading.position, fact.sid, round_id, time)
        number = next(place for place, one in enumerate(reading.facts) if one is fact)
        self._errors.append((*event, fact.error_type, fact.message, retryable, number, fact.error_id or None))

    def woke(self, fact: MachineWoke, reading: Reading) -> None:
        """Wall time went on without the machine."""
        time = fact.time if fact.time is not None else parse_time(reading.recorded)
        if time is not None:
            self._wakes.append((reading.position, time, fact.seconds))

    def flush(self) -> None:
        """Writes what was added."""
        self._connection.executemany(
            """INSERT OR IGNORE INTO errors
              (event_id, position, sid, round_id, time, error_type, message, retryable, number, error_id)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            self._errors,
        )
        self._connection.executemany("INSERT INTO raw_events VALUES (?, ?, ?, ?, ?, 0)", self._raw)
        self._connection.executemany("INSERT OR IGNORE INTO wakes VALUES (?, ?, ?)", self._wakes)
        for added in (self._errors, self._raw, self._wakes):
            added.clear()
