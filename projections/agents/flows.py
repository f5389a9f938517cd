"""Messages and their blocks, streamed piece by piece or received whole; the same block from both is one row.

A message is a *flow*. Its key is the request id where there is one, else the message id; whichever names it first keeps
it, and the other becomes an alias. A tool block is found by its tool use id whoever tells of it.
"""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    Fact,
    MessageEnded,
    MessageStarted,
)
from projections.agents.rows import Alias, Block, BlockKey, Message, Table

CONTENT = {"text": "text", "thinking": "thinking", "json": "tool_use"}
"""Kinds of pieces that are content, and the block that an unannounced piece must belong to. Signatures are not."""


class Flows:
    """What is known of messages and blocks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._aliases = Table(connection, "flows", Alias)
        self._messages = Table(connection, "messages", Message)
        self._blocks = Table(connection, "content_blocks", Block, key=2)
        self._keys = Table(connection, "block_keys", BlockKey)
        self._connection = connection
        self._pieces: dict[tuple[str, int], list[str]] = {}
        self._tools: dict[str, tuple[str, int]] = {}  # blocks of this batch by tool use id

    # --- messages ---

    def flow_of(self, message_id: str, request_id: str, *, bind: bool = False) -> str:
        """The flow that two ids name. `bind`: the record says that both are ids of one message."""
        for name in (request_id, message_id):
            known = self._aliases.get(name) if name else None
            if known is not None:
                flow = known.flow_id
                break
        else:
            flow = request_id or message_id
        for name in (request_id, message_id) if bind else (request_id or message_id,):
            if name and self._aliases.get(name) is None:
                self._aliases.put(name, Alias(name, flow))
        return flow

    def message(self, fact: Fact, flow: str, round_id: str | None, time: float | None) -> Message:
        """The row of a flow, made when it is new."""
        row = self._messages.get(flow)
        if row is None:
            row = Message(flow, sid=fact.sid, pid=fact.pid, round_id=round_id, start_time=time)
            self._messages.put(flow, row)
        return row

    def message_started(self, fact: MessageStarted, round_id: str | None, time: float | None) -> None:
        """A message begins, or a record mentions it again."""
        flow = self.flow_of(fact.message_id, fact.request_id, bind=True)
        row = self.message(fact, flow, round_id, time)
        row.request_id = row.request_id or fact.request_id or None
        row.message_id = row.message_id or fact.message_id or None
        row.role = row.role or fact.role
        row.model = fact.model or row.model
        row.agent_id = fact.agent_id or row.agent_id
        row.is_sidechain = max(row.is_sidechain, int(fact.is_sidechain))
        row.parent_tool_use_id = fact.parent_tool_use_id or row.parent_tool_use_id
        row.round_id = row.round_id or round_id
        if time is not None:
            row.start_time = time if row.start_time is None else min(row.start_time, time)
        self._messages.put(flow, row)

    def message_ended(self, fact: MessageEnded, round_id: str | None, time: float | None) -> None:
        """The stop reason or the stop of a message."""
        flow = self.flow_of(fact.message_id, fact.request_id, bind=bool(fact.message_id and fact.request_id))
        row = self.message(fact, flow, round_id, time)
        row.stop_reason = fact.stop_reason or row.stop_reason
        row.is_complete = max(row.is_complete, int(fact.stopped))
        if time is not None:
            row.end_time = max(row.end_time or time, time)
        self._messages.put(flow, row)

    # --- blocks ---

    def started(self, fact: BlockStarted, round_id: str | None, time: float | None) -> Block:
        """A streamed block opens; opened once more, what follows is compared with what is there already."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        message = self.message(fact, flow, round_id, time)
        block = self._by_tool(fact.tool_use_id) or self._blocks.get((flow, fact.index))
        if block is None:
            block = self._new(message, fact.index, fact, time)
            block.content = fact.text
        elif block.block_key is None:
            self._gather(block)
            block.replayed = len(fact.text) if block.content else None
        block.block_type = fact.block_type or block.block_type
        block.tool_name = fact.tool_name or block.tool_name
        self._names_tool(block, fact.tool_use_id)
        return self._blocks.put((block.flow_id, block.block_index), block)

    def delta(self, fact: BlockDelta, round_id: str | None, time: float | None, last: float | None) -> None:
        """Pieces of a streamed block."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        key = (flow, fact.index)
        block = self._blocks.get(key)
        if block is None:
            block = self._new(self.message(fact, flow, round_id, time), fact.index, fact, time)
            block.block_type = CONTENT.get(fact.kind)
        text: str | None = fact.text
        if block.replayed is not None:
            text = self._not_yet_there(block, fact)
        if text is None:
            return
        block.delta_count += fact.count
        if last is not None:
            block.last_time = last
        if fact.kind in CONTENT and block.block_key is None:
            pieces = self._pieces.get(key)
            if pieces is None:
                pieces = self._pieces[key] = []
            pieces.append(text)
        self._blocks.put(key, block)

    def completed(self, fact: BlockCompleted, time: float | None) -> Block | None:
        """A streamed block is whole; None when nobody knows it."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        block = self._blocks.get((flow, fact.index))
        if block is None:
            return None
        if not block.is_complete:
            block.is_complete, block.complete_time = 1, time
        return self._blocks.put((flow, fact.index), block)

    def received(self, fact: BlockReceived, round_id: str | None, time: float | None) -> Block | None:
        """A whole block, from a producer that does not stream; None when this very one is known already."""
        if self._keys.get(fact.key) is not None:
            return None
        flow = self.flow_of(fact.message_id, fact.request_id, bind=True)
        message = self.message(fact, flow, round_id, time)
        block = self._by_tool(fact.tool_use_id) or self._streamed_twin(message, fact)
        if block is None:
            block = self._new(message, message.block_count, fact, time)
        elif block.block_key is None and message.streamed_blocks and block.flow_id == flow:
            message.streamed_blocks -= 1
            self._messages.put(flow, message)
        if block.block_key is None:
            self._pieces.pop((block.flow_id, block.block_index), None)
            block.block_key, block.content = fact.key, fact.content
            block.total_bytes = len(fact.content.encode("utf-8", "surrogatepass"))
            block.block_type = fact.block_type
        block.tool_name = fact.tool_name or block.tool_name
        if not block.is_complete:
            block.is_complete, block.complete_time = 1, time
        self._names_tool(block, fact.tool_use_id)
        self._keys.put(fact.key, BlockKey(fact.key, block.flow_id, block.block_index))
        return self._blocks.put((block.flow_id, block.block_index), block)

    def tool(self, tool_use_id: str) -> Block | None:
        """The block of a tool call."""
        return self._by_tool(tool_use_id)

    def message_of(self, flow: str) -> Message | None:
        """The row of a flow."""
        return self._messages.get(flow)

    def flush(self) -> None:
        """Writes what changed: one row per block, however many pieces came."""
        for key in list(self._pieces):
            block = self._blocks.get(key)
            assert block is not None, "pieces belong to a block"
            self._gather(block)
        self._aliases.flush()
        self._messages.flush()
        self._blocks.flush()
        self._keys.flush()
        self._tools.clear()

    # --- one block ---

    def _new(self, message: Message, index: int, fact: Fact, time: float | None) -> Block:
        streamed = not isinstance(fact, BlockReceived)
        message.block_count = max(message.block_count, index + 1)
        message.streamed_blocks += streamed
        self._messages.put(message.flow_id, message)
        block = Block(message.flow_id, index, start_time=time, sid=message.sid, round_id=message.round_id)
        if isinstance(fact, BlockStarted | BlockReceived):
            block.block_type = fact.block_type
        return self._blocks.put((message.flow_id, index), block)

    def _gather(self, block: Block) -> None:
        """Joins the pieces of this batch to the content."""
        pieces = self._pieces.pop((block.flow_id, block.block_index), None)
        if pieces:
            text = "".join(pieces)
            block.content += text
            block.total_bytes += len(text.encode("utf-8", "surrogatepass"))

    def _not_yet_there(self, block: Block, fact: BlockDelta) -> str | None:
        """What a piece of a block that was started again adds to it; None when it is there already."""
        assert block.replayed is not None
        if fact.kind not in CONTENT:
            return None
        self._gather(block)
        there = block.content[block.replayed : block.replayed + len(fact.text)]
        if fact.text.startswith(there):
            block.replayed += len(there)
            self._blocks.put((block.flow_id, block.block_index), block)
            rest = fact.text[len(there) :]
            if rest:
                block.replayed = None
            return rest or None
        block.replayed = None
        return fact.text

    def _names_tool(self, block: Block, tool_use_id: str | None) -> None:
        if tool_use_id and block.tool_use_id is None:
            block.tool_use_id = tool_use_id
            self._tools[tool_use_id] = (block.flow_id, block.block_index)

    def _by_tool(self, tool_use_id: str | None) -> Block | None:
        if not tool_use_id:
            return None
        key = self._tools.get(tool_use_id)
        if key is not None:
            return self._blocks.get(key)
        return self._blocks.find("tool_use_id = ?", (tool_use_id,))

    def _streamed_twin(self, message: Message, fact: BlockReceived) -> Block | None:
        """The block of the same type that was streamed before and that no whole copy was matched with yet."""
        if not message.streamed_blocks:
            return None
        for index in range(message.block_count):
            block = self._blocks.get((message.flow_id, index))
            if block is not None and block.block_key is None and block.block_type == fact.block_type:
                return block
        return None
