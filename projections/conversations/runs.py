"""Runs of messages, from which threads are read: by context, and by time where there is none.

Messages come in any order. A run without context grows at both ends, and a message that lies between two of them makes
them one: what stands here is decided by the set of messages alone.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

PAUSE = 300.0  # seconds without a message after which the next one begins something new
_NUMBERED = re.compile(r"session_\d+", re.ASCII)


class Runs:
    """Keeps runs and who spoke in them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def add(self, context_id: str, at: float, position: int, speaker: str, tags: Sequence[str]) -> str:
        """Puts a message into its run and returns the run's id."""
        run_id = self._of_context(context_id) if context_id else self._of_time(at, position)
        self._sql.execute(
            """INSERT INTO runs VALUES (:run, :context, :at, :at, 1, :position, :status)
            ON CONFLICT(run_id) DO UPDATE SET message_count = message_count + 1,
              last_status = CASE WHEN :at > end_time OR (:at = end_time AND :position > last_position)
                THEN excluded.last_status ELSE last_status END,
              last_position = CASE WHEN :at > end_time THEN :position
                WHEN :at = end_time THEN max(last_position, :position) ELSE last_position END,
              start_time = min(start_time, :at), end_time = max(end_time, :at)""",
            {"run": run_id, "context": context_id or None, "at": at, "position": position, "status": status_of(tags)},
        )
        self._sql.execute("INSERT OR IGNORE INTO run_speakers VALUES (?, ?)", (run_id, speaker))
        return run_id

    def _of_context(self, context_id: str) -> str:
        """The context itself, kept apart from our own numbers."""
        return f"context_{context_id}" if _NUMBERED.fullmatch(context_id) else context_id

    def _of_time(self, at: float, position: int) -> str:
        near = [
            (run_id, start)
            for run_id, start in self._sql.execute(
                """SELECT run_id, start_time FROM runs WHERE context_id IS NULL AND end_time >= ?
                ORDER BY end_time LIMIT 2""",
                (at - PAUSE,),
            )
            if start <= at + PAUSE
        ]
        if not near:
            return f"session_{position}"
        if len(near) == 2:
            return self._joined(near[0][0], near[1][0])
        return str(near[0][0])

    def _joined(self, earlier: str, later: str) -> str:
        """Two runs that a message bridges become one, under the id of the one that was there first."""
        kept, gone = sorted((earlier, later), key=lambda run_id: int(run_id.rpartition("_")[2]))
        self._sql.execute("UPDATE messages SET thread_id = ? WHERE thread_id = ?", (kept, gone))
        self._sql.execute(
            "INSERT OR IGNORE INTO run_speakers SELECT ?, speaker FROM run_speakers WHERE run_id = ?", (kept, gone)
        )
        self._sql.execute("DELETE FROM run_speakers WHERE run_id = ?", (gone,))
        self._sql.execute(
            """UPDATE runs SET (start_time, end_time, message_count, last_position, last_status) =
              (SELECT min(start_time), max(end_time), sum(message_count),
                (SELECT last_position FROM runs WHERE run_id = :later),
                (SELECT last_status FROM runs WHERE run_id = :later)
               FROM runs WHERE run_id IN (:kept, :gone)) WHERE run_id = :kept""",
            {"kept": kept, "gone": gone, "later": later},
        )
        self._sql.execute("DELETE FROM runs WHERE run_id = ?", (gone,))
        return kept


def status_of(tags: Sequence[str]) -> str | None:
    """How a thread stands that ends with a message of these tags; None: nobody can tell."""
    if "@Status-Blocked" in tags:
        return "Blocked"
    return "Ready" if "@Status-Ready" in tags else None
