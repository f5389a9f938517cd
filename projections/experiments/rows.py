"""The rows that the fold changes again and again, kept in memory until the batch ends."""

from __future__ import annotations

import sqlite3

import msgspec

KEPT = 5_000
"""Dialogues kept in memory between batches; each is under a kilobyte beside its prompt."""


class Dialogue(msgspec.Struct):
    """`conversations`"""

    conversation_id: str
    experiment_id: str | None = None
    agent_a_model: str | None = None
    agent_b_model: str | None = None
    initial_prompt: str | None = None
    max_turns: int | None = None
    total_turns: int = 0
    """Turns that were completed."""
    state: str = "created"
    """created, open, paused, completed, interrupted, failed, empty, ended, never_started."""
    end_reason: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    duration_ms: float | None = None
    error: str | None = None
    folder: str | None = None
    agent_a_name: str | None = None
    agent_b_name: str | None = None
    temperature_a: float | None = None
    temperature_b: float | None = None
    open_turn: int | None = None
    open_turn_at: float | None = None
    turns_started: int = 0
    message_count: int = 0
    message_tokens: int = 0
    event_count: int = 0
    """Distinct events; a manifest calls it `last_line`."""
    end_count: int = 0
    """More than one is an anomaly: the first decides."""
    last_end_reason: str | None = None
    reported_turns: int | None = None
    error_count: int = 0
    truncation_count: int = 0
    context_limit: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    last_convergence: float | None = None
    first_event_at: float | None = None
    last_event_at: float | None = None
    alive_at: float | None = None
    """The latest instant at which it can have written its last event: ages are counted from here."""
    zone: str | None = None
    """`utc`, or `local` where times are wall times of an unknown zone."""
    file: str | None = None
    """Where its events stand, as a URI."""
    last_position: int = 0


_COLUMNS = Dialogue.__struct_fields__
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM conversations WHERE conversation_id = ?"
_REPLACE = f"INSERT OR REPLACE INTO conversations({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class Dialogues:
    """The dialogues of this batch, and those of the last ones."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: dict[str, Dialogue] = {}
        self._changed: dict[str, Dialogue] = {}

    def of(self, name: str) -> Dialogue:
        """The row, made when it is new; it counts as changed."""
        row = self._rows.get(name)
        if row is None:
            found = self._connection.execute(_SELECT, (name,)).fetchone()
            row = self._rows[name] = Dialogue(*found) if found is not None else Dialogue(name)
        self._changed[name] = row
        return row

    def flush(self) -> set[str]:
        """Writes what changed; returns the experiments that it belongs to."""
        changed = list(self._changed.values())
        self._connection.executemany(_REPLACE, map(msgspec.structs.astuple, changed))
        self._changed.clear()
        if len(self._rows) > KEPT:
            self._rows.clear()
        return {row.experiment_id for row in changed if row.experiment_id is not None}

    def forget(self) -> None:
        """Lets go of the memory of rows that were changed behind its back."""
        assert not self._changed, "what changed is written first"
        self._rows.clear()
