"""Streamed blocks: which file each has, what of it is true, and what this batch adds."""

from __future__ import annotations

import sqlite3
from typing import TypeAlias

import msgspec

from eventsrc.plugin import BlockCompleted, BlockDelta, BlockStarted, GrowingFiles, folder_name

CONTENT = frozenset(("text", "thinking", "json"))
"""Kinds of pieces that are content; a signature is not."""
BELOW = "deltas/"
"""Paths in rows begin here: they are relative to the data directory, where this folder is published."""
KEPT = 20_000  # blocks in memory, some 10 MB; others are looked up by their key

_Key: TypeAlias = tuple[str, int]


class Block(msgspec.Struct):
    """`files`"""

    flow_id: str
    block_index: int
    path: str
    sid: str
    bytes: int = 0
    """What of the file is true; this batch's pieces are not counted until they are appended."""
    pieces: int = 0
    is_complete: int = 0
    replayed: int | None = None
    """How many bytes of the file were streamed once more since the block was started again."""


class Blocks:
    """What is known of files."""

    def __init__(self, connection: sqlite3.Connection, files: GrowingFiles) -> None:
        self._connection = connection
        self._files = files
        self._blocks: dict[_Key, Block] = {}
        self._changed: dict[_Key, Block] = {}
        self._texts: dict[_Key, list[str]] = {}
        self._there: dict[_Key, bytes] = {}
        """Whole contents of blocks that are being streamed again, for as long as the batch lasts."""

    def started(self, fact: BlockStarted, flow: str) -> None:
        """A block opens; opened once more, what follows is compared with what is there."""
        block = self._get(flow, fact.index)
        if block is not None and self._size(block):
            block.replayed = len(_encoded(fact.text))
            self._changed[flow, fact.index] = block
        elif fact.text:
            self._add(block or self._new(fact, flow), fact.text)

    def delta(self, fact: BlockDelta, flow: str) -> None:
        """Pieces of a block."""
        if fact.kind not in CONTENT:
            return
        block = self._blocks.get((flow, fact.index)) or self._get(flow, fact.index) or self._new(fact, flow)
        text: str | None = fact.text
        if block.replayed is not None:
            text = self._not_yet_there(block, fact.text)
        if text is not None:
            block.pieces += fact.count
            self._add(block, text)

    def completed(self, fact: BlockCompleted, flow: str) -> None:
        """A block is whole."""
        block = self._get(flow, fact.index)
        if block is not None:
            block.is_complete, block.replayed = 1, None
            self._changed[flow, fact.index] = block

    def move(self, lost: str, kept: str) -> None:
        """Two flows are one: files of the lost one go on under the kept one, where that has none of its own."""
        rows = self._connection.execute("SELECT block_index FROM files WHERE flow_id = ?", (lost,))
        indexes = {index for (index,) in rows} | {index for flow, index in self._changed if flow == lost}
        for index in sorted(indexes):
            block = self._get(lost, index)
            if block is None or self._get(kept, index) is not None:
                continue
            self._append(block)
            self._forget(lost, index)
            block.flow_id = kept
            self._blocks[kept, index] = self._changed[kept, index] = block

    def flush(self) -> None:
        """One append per file, one row per block."""
        for key in list(self._texts):
            self._append(self._blocks[key])
        rows = map(msgspec.structs.astuple, self._changed.values())
        self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._changed.clear()
        self._there.clear()
        if len(self._blocks) > KEPT:
            self._blocks.clear()

    def _add(self, block: Block, text: str) -> None:
        key = (block.flow_id, block.block_index)
        pieces = self._texts.get(key)
        if pieces is None:
            pieces = self._texts[key] = []
            self._changed[key] = block
        pieces.append(text)

    def _append(self, block: Block) -> None:
        pieces = self._texts.pop((block.flow_id, block.block_index), None)
        if pieces is not None:
            data = _encoded("".join(pieces))
            self._files.append(block.path.removeprefix(BELOW), block.bytes, data)
            block.bytes += len(data)

    def _not_yet_there(self, block: Block, text: str) -> str | None:
        """What a piece of a block that was started again adds; None when it is there already. The first piece that says
        something else, or more, ends the comparison."""
        assert block.replayed is not None, "only a block that was started again is compared"
        key = (block.flow_id, block.block_index)
        self._append(block)
        whole = self._there.get(key)
        if whole is None or len(whole) != block.bytes:
            whole = self._there[key] = self._files.read(block.path.removeprefix(BELOW), block.bytes)
        data = _encoded(text)
        there = whole[block.replayed : block.replayed + len(data)]
        self._changed[key] = block
        if not data.startswith(there):
            block.replayed = None
            return text
        block.replayed += len(there)
        if len(there) == len(data):
            return None
        block.replayed = None
        return data[len(there) :].decode("utf-8", "surrogatepass")

    def _size(self, block: Block) -> int:
        return block.bytes + sum(map(len, self._texts.get((block.flow_id, block.block_index), ())))

    def _new(self, fact: BlockStarted | BlockDelta, flow: str) -> Block:
        block = Block(flow, fact.index, f"{BELOW}{self._home(flow)}/index_{fact.index}.txt", fact.sid)
        self._blocks[flow, fact.index] = self._changed[flow, fact.index] = block
        return block

    def _home(self, flow: str) -> str:
        """The folder of a flow. Of two names that a file system may take for one, the first stays plain."""
        name = folder_name(flow)
        found = self._connection.execute("SELECT flow_id FROM folders WHERE name = ?", (name,)).fetchone()
        if found is None:
            self._connection.execute("INSERT INTO folders VALUES (?, ?)", (name, flow))
            return name
        return name if found[0] == flow else folder_name(flow, taken=True)

    def _get(self, flow: str, index: int) -> Block | None:
        block = self._blocks.get((flow, index))
        if block is None:
            sql = "SELECT * FROM files WHERE flow_id = ? AND block_index = ?"
            found = self._connection.execute(sql, (flow, index)).fetchone()
            if found is not None:
                block = self._blocks[flow, index] = Block(*found)
        return block

    def _forget(self, flow: str, index: int) -> None:
        self._blocks.pop((flow, index), None)
        self._changed.pop((flow, index), None)
        self._connection.execute("DELETE FROM files WHERE flow_id = ? AND block_index = ?", (flow, index))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
