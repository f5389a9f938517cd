"""Blocks that stream: gathered piece by piece, and a document only when they are whole."""

from __future__ import annotations

import sqlite3

import msgspec

from eventsrc.plugin import BlockCompleted, BlockDelta, BlockStarted, MessageEnded
from projections.search.documents import Document, Documents

KIND_OF_BLOCK = {"text": "answer", "thinking": "thinking", "tool_use": "tool_input", "server_tool_use": "tool_input"}
KIND_OF_PIECE = {"text": "answer", "thinking": "thinking", "json": "tool_input"}
"""Signatures are no words."""

_SELECT = "SELECT flow, block_index, sid, kind, ref, title, body, time FROM open_blocks"
_REPLACE = "INSERT OR REPLACE INTO open_blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_APPEND = "UPDATE open_blocks SET body = body || ? WHERE flow = ? AND block_index = ?"
_DELETE = "DELETE FROM open_blocks WHERE flow = ? AND block_index = ?"


class Open(msgspec.Struct):
    """`open_blocks`"""

    flow: str
    block_index: int
    sid: str
    kind: str
    ref: str = ""
    title: str = ""
    body: str = ""
    """What is in the row; pieces of this batch come after it."""
    time: float | None = None


class Blocks:
    """The open blocks: those of this batch in memory, all of them in the table after it."""

    def __init__(self, connection: sqlite3.Connection, documents: Documents) -> None:
        self._connection = connection
        self._documents = documents
        self._open: dict[tuple[str, int], Open] = {}
        self._pieces: dict[tuple[str, int], list[str]] = {}
        self._stored: set[tuple[str, int]] = set()
        """Those of `_open` that have a row."""
        self._changed: set[tuple[str, int]] = set()
        """Those whose row is missing, or says something else than the body's end."""
        self._is_empty = self._has_no_row()
        """Before this batch no row was there: nothing has to be looked for."""

    def started(self, fact: BlockStarted, time: float | None) -> None:
        """A block opens; one that opens again begins anew."""
        kind = KIND_OF_BLOCK.get(fact.block_type)
        if kind is None:
            return
        flow = fact.request_id or fact.message_id
        key = (flow, fact.index)
        self._find(key)
        ref = fact.tool_use_id or fact.message_id or flow
        self._open[key] = Open(flow, fact.index, fact.sid, kind, ref, fact.tool_name or "", fact.text, time)
        self._pieces.pop(key, None)
        self._changed.add(key)

    def delta(self, fact: BlockDelta) -> None:
        """Pieces of a block, which may be the first that is told of it."""
        kind = KIND_OF_PIECE.get(fact.kind)
        if kind is None:
            return
        key = (fact.request_id or fact.message_id, fact.index)
        if self._open.get(key) is None and self._find(key) is None:
            ref = fact.message_id or key[0]
            self._open[key] = Open(*key, fact.sid, kind, ref, time=fact.local if fact.time is None else fact.time)
            self._changed.add(key)
        self._pieces.setdefault(key, []).append(fact.text)

    def completed(self, fact: BlockCompleted, time: float | None, position: int) -> None:
        """A block is whole."""
        block = self._find((fact.request_id or fact.message_id, fact.index))
        if block is not None:
            self._close(block, time, position)

    def message_ended(self, fact: MessageEnded, time: float | None, position: int) -> None:
        """What is still open of a message that stopped is as whole as it will be."""
        flow = fact.request_id or fact.message_id
        if fact.stopped:
            self._close_all("flow", flow, time, position)

    def session_ended(self, sid: str, time: float | None, position: int) -> None:
        """The same of a session whose process ended."""
        self._close_all("sid", sid, time, position)

    def flush(self) -> None:
        """Writes what is open: whole rows for new blocks, what was added for the others."""
        for key in self._changed:
            block = self._open.get(key)
            if block is not None:
                self._gather(block)
        rows = [msgspec.structs.astuple(self._open[key]) for key in sorted(self._changed) if key in self._open]
        self._connection.executemany(_REPLACE, rows)
        added = [("".join(pieces), *key) for key, pieces in self._pieces.items()]
        self._connection.executemany(_APPEND, added)
        self._open.clear()
        self._pieces.clear()
        self._changed.clear()
        self._stored.clear()
        self._is_empty = self._has_no_row()

    def _has_no_row(self) -> bool:
        return self._connection.execute("SELECT 1 FROM open_blocks LIMIT 1").fetchone() is None

    def _find(self, key: tuple[str, int]) -> Open | None:
        block = self._open.get(key)
        if block is None and not self._is_empty:
            found = self._connection.execute(f"{_SELECT} WHERE flow = ? AND block_index = ?", key).fetchone()
            if found is not None:
                block = self._open[key] = Open(*found)
                self._stored.add(key)
        return block

    def _gather(self, block: Open) -> None:
        pieces = self._pieces.pop((block.flow, block.block_index), None)
        if pieces:
            block.body += "".join(pieces)

    def _close(self, block: Open, time: float | None, position: int) -> None:
        key = (block.flow, block.block_index)
        self._gather(block)
        at = time if time is not None else block.time
        self._documents.add(Document(block.kind, block.ref, block.sid, at, block.title, block.body, position))
        del self._open[key]
        self._changed.discard(key)
        if key in self._stored:
            self._connection.execute(_DELETE, key)
            self._stored.discard(key)

    def _close_all(self, column: str, value: str, time: float | None, position: int) -> None:
        keys = {key for key, block in self._open.items() if getattr(block, column) == value}
        if not self._is_empty:
            sql = f"SELECT flow, block_index FROM open_blocks WHERE {column} = ?"
            keys.update(self._connection.execute(sql, (value,)))
        for key in sorted(keys):
            block = self._find(key)
            assert block is not None, "it is in memory or in the table"
            self._close(block, time, position)
