"""Results of tool calls: small ones in the row, large ones in a file beside it."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from eventsrc.plugin import INLINE_RESULT_BYTES, PREVIEW_CHARS, ToolResultReceived
from projections.agents.rows import Block, Result
from projections.agents.table import CONTENT_ROWS
from projections.agents.totals import DAY, Share, SummedTable, Totals, bounded, slot_of

SUMS = ("errors", "timed", "timed_errors", "duration_us", "error_duration_us")
"""Of the results of a tool on a day: how many were errors, how many have a duration, and the durations' sums."""


class Results:
    """What is known of results."""

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        totals = Totals(connection, "tool_totals", ("day", "tool_name"), SUMS)
        self._table = SummedTable(connection, "tool_results", Result, _share, totals, keep=CONTENT_ROWS)
        self._connection = connection
        self._awaited: dict[str, tuple[str, float | None] | None] = {}
        """Calls of this batch: the session that waits for the result, and since when; None when it is there."""
        self._folder = Path(folder) / "results"
        self._files: dict[str, bytes] = {}

    def received(self, fact: ToolResultReceived, block: Block | None, time: float | None) -> None:
        """A result. A copy changes nothing; a repeat is the one to show, and what the model was shown before what the
        tool itself says."""
        row = self._table.get(fact.tool_use_id)
        if row is not None and row.result_id is not None and row.result_id == (fact.result_id or None):
            return
        is_shown = row is not None and not row.stands_in
        row = row or Result(fact.tool_use_id, sid=fact.sid)
        row.is_error = row.is_error if fact.is_error is None else int(fact.is_error)
        row.measured_ms = fact.duration_ms if fact.duration_ms is not None else row.measured_ms
        if not (fact.stands_in and is_shown):
            self._shows(row, fact, time)
        self._join(row, block)
        self._table.put(fact.tool_use_id, row)
        self._awaited[fact.tool_use_id] = None

    def _shows(self, row: Result, fact: ToolResultReceived, time: float | None) -> None:
        data = fact.content.encode("utf-8", "surrogatepass")
        row.stands_in = int(fact.stands_in)
        row.result_id = fact.result_id or row.result_id
        row.result_time = time if time is not None else row.result_time
        row.content_size = len(data)
        row.content_preview = fact.content[:PREVIEW_CHARS]
        row.content, row.content_file_path = fact.content, None
        if len(data) > INLINE_RESULT_BYTES:
            name = f"results/{_digest(fact.tool_use_id.encode('utf-8', 'surrogatepass'))}-{_digest(data)}.txt"
            row.content, row.content_file_path = None, name
            self._files[name] = data

    def called(self, block: Block) -> None:
        """The call of a result, when it comes after it or gets its end."""
        if not block.tool_use_id:
            return
        row = self._table.get(block.tool_use_id)
        if row is not None:
            self._join(row, block)
            self._table.put(row.tool_use_id, row)
        waits = row is None and block.is_complete and block.block_type == "tool_use"
        self._awaited[block.tool_use_id] = (block.sid, block.complete_time) if waits else None

    def flush(self) -> None:
        """Writes files first, so that a row never names one that is not there. A name holds a digest of the content:
        a batch that is undone leaves the file of the row before as it was, and at most one more that nobody names."""
        if self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, data in self._files.items():
                _write_whole(self._folder.parent / name, data)
            self._files.clear()
        self._table.flush()
        waiting = [(call, *waits) for call, waits in self._awaited.items() if waits is not None]
        answered = [(call,) for call, waits in self._awaited.items() if waits is None]
        self._connection.executemany("INSERT OR REPLACE INTO awaited_results VALUES (?, ?, ?)", waiting)
        self._connection.executemany("DELETE FROM awaited_results WHERE tool_use_id = ?", answered)
        self._awaited.clear()

    @staticmethod
    def _join(row: Result, block: Block | None) -> None:
        if block is not None:
            row.flow_id, row.block_index = block.flow_id, block.block_index
            row.tool_name = block.tool_name or row.tool_name
        began = block.complete_time if block is not None else None
        if row.measured_ms is not None:
            row.execution_duration_ms = row.measured_ms
        elif began is not None and row.result_time is not None:
            row.execution_duration_ms = round((row.result_time - began) * 1000, 3)


def _share(row: Result) -> Share:
    """Durations in whole microseconds, which is what they are rounded to."""
    failed, duration = int(row.is_error or 0), row.execution_duration_ms
    timed, spent = int(duration is not None), bounded((duration or 0.0) * 1000)
    return (slot_of(row.result_time, DAY), row.tool_name or ""), (failed, timed, failed * timed, spent, failed * spent)


def _digest(data: bytes) -> str:
    """Ids may hold anything and be of any length, and file systems fold case: only their digest names a file."""
    return hashlib.sha256(data).hexdigest()[:32]


def _write_whole(path: Path, data: bytes) -> None:
    """The file is there whole or not at all, whenever the process ends."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(data)
    unfinished.replace(path)
