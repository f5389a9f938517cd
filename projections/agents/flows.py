"""Messages and their blocks, streamed piece by piece or received whole; the same block from both is one row.

A message is a *flow*, see `names.py`. Two that were seen apart become one when a record names both ids. A tool block is
found by its tool use id, whoever tells of it.
"""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import (
    AgentFact,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    MessageEnded,
    MessageStarted,
    SessionObserved,
)
from projections.agents.delta_files import CONTENT, DeltaFiles
from projections.agents.merging import adopt, are_one, begin, move, take_over
from projections.agents.names import Names
from projections.agents.rows import Block, BlockKey, Message
from projections.agents.table import CONTENT_ROWS, Table
from projections.agents.tools import Tools
from projections.agents.twins import not_yet_there, place, streamed_twin


class Flows:
    """What is known of messages and blocks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._names = Names(connection)
        self.flow_of = self._names.flow_of
        self._messages = Table(connection, "messages", Message)
        self._blocks = Table(connection, "content_blocks", Block, key=2, keep=CONTENT_ROWS)
        self._keys = Table(connection, "block_keys", BlockKey)
        self._files = DeltaFiles(self._names.table)
        self._connection = connection
        self._pieces: dict[tuple[str, int], list[str]] = {}
        self._tools = Tools(self._blocks)

    def message(self, fact: AgentFact, flow: str, round_id: str | None, time: float | None) -> Message:
        """The row of a flow, made when it is new."""
        row = self._messages.rows.get(flow) or self._messages.get(flow)
        if row is None:
            row = Message(flow, sid=fact.sid, pid=fact.pid, round_id=round_id, start_time=time)
            self._messages.put(flow, row)
        return row

    def message_started(self, fact: MessageStarted, round_id: str | None, time: float | None) -> list[Block]:
        """A message begins, or a record mentions it again. Blocks that moved, because two flows became one."""
        moved = self._unite(fact.message_id, fact.request_id) if fact.message_id and fact.request_id else []
        flow = self.flow_of(fact.message_id, fact.request_id, bind=True)
        if fact.stream:
            self._names.lead({fact.stream}, flow)
        row = self.message(fact, flow, round_id, time)
        row.request_id = row.request_id or fact.request_id or None
        row.message_id = row.message_id or fact.message_id or None
        row.role = row.role or fact.role
        row.model = fact.model or row.model
        row.agent_id = fact.agent_id or row.agent_id
        if fact.is_sidechain:
            row.is_sidechain = 1
        row.parent_tool_use_id = fact.parent_tool_use_id or row.parent_tool_use_id
        if row.round_id is None and fact.round:  # a copy comes in some other round
            row.round_id = round_id
        if time is not None and (row.start_time is None or time < row.start_time):
            row.start_time = time
        self._messages.changed[flow] = row
        return moved

    def message_ended(self, fact: MessageEnded, round_id: str | None, time: float | None) -> None:
        """The stop reason or the stop of a message."""
        flow = self.flow_of(fact.message_id, fact.request_id, bind=bool(fact.message_id and fact.request_id))
        row = self.message(fact, flow, round_id, time)
        row.stop_reason = fact.stop_reason or row.stop_reason
        if fact.stopped:
            row.is_complete = 1
        if time is not None and (row.end_time is None or time > row.end_time):
            row.end_time = time
        self._messages.changed[flow] = row

    def _unite(self, message_id: str, request_id: str) -> list[Block]:
        two = self._names.two(message_id, request_id)
        if two is None:
            return []
        kept, lost = two
        if not are_one(self._messages.get(kept), self._messages.get(lost), message_id, request_id):
            return []
        old = take_over(self._messages, kept, lost)
        self._names.lead({message_id, lost}, kept)
        message = self._messages.get(kept)
        moved: list[Block] = []
        for index in range(old.block_count if old is not None else 0):
            assert message is not None, "the row was taken over"
            block = self._blocks.get((lost, index))
            if block is None:
                continue
            self._gather(block)
            there = self._blocks.get((kept, index))
            if there is not None:
                self._gather(there)
            moved.append(move(block, message, self._blocks, self._keys))
        for block in moved:
            self._tools.moved(block)
        return moved

    def started(self, fact: BlockStarted, round_id: str | None, time: float | None) -> Block:
        """A streamed block opens; opened once more, what follows is compared with what is there already."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        message = self.message(fact, flow, round_id, time)
        block = self._tools.find(fact.tool_use_id)
        if block is None:
            block = self._at(flow, fact.index)
        else:
            self._redirect(flow, fact.index, block)
        if block is None:
            block = self._new(message, fact.index, fact, time)
            begin(block, fact.text)
        elif block.block_key is None:
            self._gather(block)
            if block.content:
                block.replayed = len(fact.text)
            else:
                begin(block, fact.text)
            if time is not None:
                block.start_time = min(block.start_time or time, time)
        elif block.delta_count:
            block.replayed = 0  # streamed once more: what is there is not counted again
        block.block_type = fact.block_type or block.block_type
        block.tool_name = fact.tool_name or block.tool_name
        if fact.text and block.delta_file_path is None:
            block.delta_file_path = self._files.path(flow, fact.index)
        self._tools.name(block, fact.tool_use_id)
        return self._blocks.put((block.flow_id, block.block_index), block)

    def delta(self, fact: BlockDelta, round_id: str | None, time: float | None, last: float | None) -> None:
        """Pieces of a streamed block."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        key = (flow, fact.index)
        block = self._blocks.rows.get(key)  # nearly always
        if block is None:
            block = self._at(flow, fact.index)
            if block is None:
                block = self._new(self.message(fact, flow, round_id, time), fact.index, fact, time)
            key = (block.flow_id, block.block_index)
        if block.block_type is None:
            block.block_type = CONTENT.get(fact.kind)
        if block.delta_file_path is None and fact.kind in CONTENT:
            block.delta_file_path = self._files.path(flow, fact.index)
        text: str | None = fact.text
        if block.replayed is not None:
            text = self._not_yet_there(block, fact)
        if text is None:
            return
        block.delta_count += fact.count
        if last is not None:
            block.last_time = last
        if block.block_key is None and fact.kind in CONTENT:
            pieces = self._pieces.get(key)
            if pieces is None:
                self._pieces[key] = [text]
            else:
                pieces.append(text)
        self._blocks.changed[key] = block

    def completed(self, fact: BlockCompleted, round_id: str | None, time: float | None) -> Block:
        """A streamed block is whole, perhaps before its start is known."""
        flow = self.flow_of(fact.message_id, fact.request_id)
        block = self._at(flow, fact.index)
        if block is None:
            block = self._new(self.message(fact, flow, round_id, time), fact.index, fact, time)
        if not block.is_complete:
            block.is_complete, block.complete_time = 1, time
        if block.replayed is not None:
            self._gather(block)
            block.replayed = None
        return self._blocks.put((block.flow_id, block.block_index), block)

    def received(self, fact: BlockReceived, round_id: str | None, time: float | None) -> Block | None:
        """A whole block, from a producer that does not stream; None when this very one is known already."""
        flow = self.flow_of(fact.message_id, fact.request_id, bind=True)
        if self._keys.get(fact.key) is not None:
            self._known(fact, flow)
            return None
        message = self.message(fact, flow, round_id, time)
        block = self._tools.find(fact.tool_use_id) if fact.tool_use_id else None
        if block is None and message.streamed_blocks:
            block = streamed_twin(message, self._blocks, fact.block_type)
        if block is None:
            block = self._new(message, message.block_count, fact, time)
        elif block.flow_id != flow:
            self._redirect(flow, message.block_count, block)
        elif block.block_key is None and message.streamed_blocks:
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
        self._tools.name(block, fact.tool_use_id)
        self._keys.put(fact.key, BlockKey(fact.key, block.flow_id, block.block_index))
        self._blocks.changed[block.flow_id, block.block_index] = block
        return block

    def tool(self, tool_use_id: str) -> Block | None:
        """The block of a tool call."""
        return self._tools.find(tool_use_id)

    def adopt(self, fact: SessionObserved) -> None:
        """What a sub-agent did belongs to the round of the call that set it to work, also what was told of before a
        record named the call: files are read in any order."""
        for name, call in fact.metadata.items():
            agent_id = name.removeprefix("agent.").removesuffix(".tool_use_id")
            block = self._tools.find(call) if name == f"agent.{agent_id}.tool_use_id" else None
            if block is not None and block.round_id is not None:
                adopt(self._messages, self._blocks, {"sid": fact.sid, "agent_id": agent_id}, block.round_id)

    def session_of(self, key: str) -> str | None:
        """The session of a whole block, by its key."""
        known = self._keys.get(key)
        message = self._messages.get(known.flow_id) if known is not None else None
        return message.sid if message is not None else None

    def message_of(self, flow: str) -> Message | None:
        """The row of a flow."""
        return self._messages.rows.get(flow) or self._messages.get(flow)

    def flush(self) -> None:
        """Writes what changed: one row per block, however many pieces came."""
        for key in list(self._pieces):
            block = self._blocks.get(key)
            assert block is not None, "pieces belong to a block"
            self._gather(block)
        self._names.flush()
        self._messages.flush()
        self._blocks.flush()
        self._keys.flush()
        self._tools.flush()

    def _new(self, message: Message, index: int, fact: AgentFact, time: float | None) -> Block:
        kind = type(fact)
        if kind is not BlockReceived:
            message.streamed_blocks += 1
        if index >= message.block_count:
            message.block_count = index + 1
        self._messages.changed[message.flow_id] = message
        block = Block(message.flow_id, index, start_time=time, sid=message.sid, round_id=message.round_id)
        if kind is BlockReceived or kind is BlockStarted:
            block.block_type = fact.block_type  # type: ignore[union-attr]
        return self._blocks.put((message.flow_id, index), block)

    def _at(self, flow: str, index: int) -> Block | None:
        """The block at a place of a flow, which may be kept where a tool call was seen first."""
        block = self._blocks.get((flow, index))
        if block is None:
            known = self._keys.get(place(flow, index))
            block = self._blocks.get((known.flow_id, known.block_index)) if known is not None else None
        return block

    def _redirect(self, flow: str, index: int, block: Block) -> None:
        """From now on, what is said of this place is said of the block."""
        if (flow, index) != (block.flow_id, block.block_index):
            name = place(flow, index)
            self._keys.put(name, BlockKey(name, block.flow_id, block.block_index))

    def _known(self, fact: BlockReceived, flow: str) -> None:
        """A copy of a block that is known: the call of another record of it may be told of under this flow, too."""
        block = self._tools.find(fact.tool_use_id)
        message = self._messages.get(flow)
        if block is not None and block.flow_id != flow and (message is None or not message.block_count):
            self._redirect(flow, 0, block)

    def _gather(self, block: Block) -> None:
        """Joins the pieces of this batch to the content."""
        pieces = self._pieces.pop((block.flow_id, block.block_index), None)
        if pieces:
            text = "".join(pieces)
            block.content += text
            block.total_bytes += len(text.encode("utf-8", "surrogatepass"))

    def _not_yet_there(self, block: Block, fact: BlockDelta) -> str | None:
        if fact.kind not in CONTENT:
            return None
        self._gather(block)
        self._blocks.put((block.flow_id, block.block_index), block)
        return not_yet_there(block, fact.text)
