"""Calls of tools as the agent's surroundings tell of them: when they began and ended, before any transcript does.

One row per call, beside the block that holds the call and the result that answers it, found by the same id. A call is
over when anybody says so: its surroundings, or a result.
"""

from __future__ import annotations

import sqlite3

import msgspec

from eventsrc.plugin import ToolCallEnded, ToolCallStarted, ToolResultReceived
from projections.agents.table import CONTENT_ROWS, Table

SCHEMA = (
    """CREATE TABLE tool_calls(
      tool_use_id TEXT PRIMARY KEY, sid TEXT NOT NULL, round_id TEXT, agent_id TEXT, tool_name TEXT,
      input TEXT NOT NULL, start_time REAL, end_time REAL, outcome TEXT, duration_ms REAL, error TEXT
    ) STRICT, WITHOUT ROWID""",
)
LATE_SCHEMA = ("CREATE INDEX calls_running ON tool_calls(sid, start_time) WHERE outcome IS NULL",)


class Call(msgspec.Struct):
    """`tool_calls`"""

    tool_use_id: str
    sid: str
    round_id: str | None = None
    agent_id: str | None = None
    tool_name: str | None = None
    input: str = ""
    start_time: float | None = None
    end_time: float | None = None
    outcome: str | None = None
    """`success`, `error`, `interrupted`, `denied`; None while it runs."""
    duration_ms: float | None = None
    error: str | None = None


class Calls:
    """What is known of running tools."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._table = Table(connection, "tool_calls", Call, keep=CONTENT_ROWS)
        self._running: dict[str, list[str]] = {}
        """Session → its running calls in the order in which they were told of."""
        rows = connection.execute(
            "SELECT sid, tool_use_id FROM tool_calls WHERE outcome IS NULL ORDER BY sid, start_time, tool_use_id"
        )
        for sid, call in rows:
            self._running.setdefault(sid, []).append(call)

    def started(self, fact: ToolCallStarted, round_id: str | None, time: float | None) -> None:
        """A tool is about to run. Told after its end, it changes no outcome."""
        row = self._of(fact.tool_use_id, fact.sid)
        row.round_id = row.round_id or round_id
        row.agent_id = row.agent_id or fact.agent_id
        row.tool_name = fact.tool_name or row.tool_name
        row.input = fact.tool_input or row.input
        if time is not None:
            row.start_time = time if row.start_time is None else min(row.start_time, time)
        self._put(row)

    def ended(self, fact: ToolCallEnded, round_id: str | None, time: float | None) -> None:
        """A tool has run, or will not."""
        row = self._of(fact.tool_use_id, fact.sid)
        row.round_id = row.round_id or round_id
        row.tool_name = row.tool_name or fact.tool_name or None
        row.outcome = fact.outcome
        row.end_time = time if time is not None else row.end_time
        row.duration_ms = fact.duration_ms if fact.duration_ms is not None else row.duration_ms
        row.error = fact.error or row.error
        self._put(row)

    def answered(self, fact: ToolResultReceived, time: float | None) -> None:
        """The model got a result: the call is over, also when its surroundings never said so."""
        row = self._table.get(fact.tool_use_id)
        if row is not None and row.outcome is None:
            row.outcome, row.end_time = "error" if fact.is_error else "success", time
            self._put(row)

    def waiting(self, sid: str, tool_name: str, tool_input: str) -> str | None:
        """The newest running call of a tool with an input: the one that a question without an id is about."""
        found = None
        for call in self._running.get(sid, ()):
            row = self._table.get(call)
            if row is not None and (row.tool_name, row.input) == (tool_name, tool_input):
                found = max(found or (0.0, ""), (row.start_time or 0.0, call))
        return found[1] if found else None

    def flush(self) -> None:
        """Writes what changed."""
        self._table.flush()

    def _of(self, tool_use_id: str, sid: str) -> Call:
        return self._table.get(tool_use_id) or Call(tool_use_id, sid)

    def _put(self, row: Call) -> None:
        running = self._running.setdefault(row.sid, [])
        if row.outcome is None and row.tool_use_id not in running:
            running.append(row.tool_use_id)
        elif row.outcome is not None and row.tool_use_id in running:
            running.remove(row.tool_use_id)
        if not running:
            del self._running[row.sid]
        self._table.put(row.tool_use_id, row)
