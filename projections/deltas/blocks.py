"""Streamed blocks: which file each has, what of it is true, and what this batch adds."""

from __future__ import annotations

import sqlite3
from typing import TypeAlias

import msgspec

from eventsrc.plugin import BlockCompleted, BlockDelta, BlockStarted, GrowingFiles, folder_name
from projections.deltas.memory import Memory

CONTENT = frozenset(("text", "thinking", "json"))
"""Kinds of pieces that are content; a signature is not."""
BELOW = "deltas/"
"""Paths in rows begin here: they are relative to the data directory, where this folder is published."""

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
        where = "flow_id = ? AND block_index = ?"
        self._blocks: Memory[_Key, Block] = Memory(connection, "files", where, lambda row: Block(*row))
        self._folders: Memory[str, tuple[str, str]] = Memory(connection, "folders", "name = ?", tuple)
        """Name and flow, by the name as a file system that folds case takes it."""
        self._texts: dict[_Key, list[str]] = {}
        self._there: dict[_Key, bytes] = {}
        """Whole contents of blocks that are being streamed again, for as long as the batch lasts."""

    def started(self, fact: BlockStarted, flow: str) -> None:
        """A block opens; opened once more, what follows is compared with what is there."""
        block = self._blocks.get((flow, fact.index))
        if block is not None and self._size(block):
            block.replayed = len(_encoded(fact.text))
            self._blocks.changed[flow, fact.index] = block
        elif fact.text:
            self._add(block or self._new(fact, flow), fact.text)

    def delta(self, fact: BlockDelta, flow: str) -> None:
        """Pieces of a block."""
        if fact.kind not in CONTENT:
            return
        block = self._blocks.get((flow, fact.index)) or self._new(fact, flow)
        text: str | None = fact.text
        if block.replayed is not None:
            text = self._not_yet_there(block, fact.text)
        if text is not None:
            block.pieces += fact.count
            self._add(block, text)

    def completed(self, fact: BlockCompleted, flow: str) -> None:
        """A block is whole."""
        block = self._blocks.get((flow, fact.index))
        if block is not None:
            block.is_complete, block.replayed = 1, None
            self._blocks.changed[flow, fact.index] = block

    def move(self, lost: str, kept: str) -> None:
        """Two flows are one: files of the lost one go on under the kept one, where that has none of its own."""
        rows = self._connection.execute("SELECT block_index FROM files WHERE flow_id = ?", (lost,))
        indexes = {index for (index,) in rows} | {index for flow, index in self._blocks.changed if flow == lost}
        for index in sorted(indexes):
            block = self._blocks.get((lost, index))
            if block is None or self._blocks.get((kept, index)) is not None:
                continue
            self._append(block)
            self._forget(lost, index)
            block.flow_id = kept
            self._blocks.put((kept, index), block)

    def flush(self) -> None:
        """One append per file, one row per block."""
        for key in list(self._texts):
            self._append(self._blocks.rows[key])
        self._there.clear()
        self._blocks.flush(map(msgspec.structs.astuple, self._blocks.changed.values()), 8)
        self._folders.flush(self._folders.changed.values(), 2)

    def _add(self, block: Block, text: str) -> None:
        key = (block.flow_id, block.block_index)
        pieces = self._texts.get(key)
        if pieces is None:
            pieces = self._texts[key] = []
            self._blocks.changed[key] = block
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
        self._blocks.changed[key] = block
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
        return self._blocks.put((flow, fact.index), block)

    def _home(self, flow: str) -> str:
        """The folder of a flow. Of two names that a file system may take for one, the first stays plain."""
        name = folder_name(flow)
        first = self._folders.get(name.lower()) or self._folders.put(name.lower(), (name, flow))
        return name if first[1] == flow else folder_name(flow, taken=True)

    def _forget(self, flow: str, index: int) -> None:
        self._blocks.forget((flow, index))
        self._connection.execute("DELETE FROM files WHERE flow_id = ? AND block_index = ?", (flow, index))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
