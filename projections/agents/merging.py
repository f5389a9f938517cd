"""Two flows that turn out to be one message: what was seen under either is put together."""

from __future__ import annotations

from projections.agents.rows import Block, BlockKey, Message
from projections.agents.table import Table


def begin(block: Block, text: str) -> None:
    """What the record that opens a block holds of its content."""
    block.content = text
    block.total_bytes = len(text.encode("utf-8", "surrogatepass"))


def are_one(kept: Message | None, lost: Message | None, message_id: str, request_id: str) -> bool:
    """False when one of them is known to be another message: builds exist that write the id of a newer message."""
    others = lost is not None and lost.request_id not in (None, request_id)
    return not others and (kept is None or kept.message_id in (None, message_id))


def take_over(messages: Table[Message], kept: str, lost: str) -> Message | None:
    """Moves the row of a message; what the kept one does not know comes from the lost one. Returns the lost one."""
    old = messages.get(lost)
    if old is None:
        return None
    messages.drop(lost)
    row = messages.get(kept) or Message(kept, sid=old.sid)
    for name in ("pid", "round_id", "agent_id", "role", "model", "stop_reason", "message_id", "parent_tool_use_id"):
        if getattr(row, name) is None:
            setattr(row, name, getattr(old, name))
    starts = [time for time in (row.start_time, old.start_time) if time is not None]
    ends = [time for time in (row.end_time, old.end_time) if time is not None]
    row.start_time, row.end_time = min(starts, default=None), max(ends, default=None)
    row.is_sidechain = max(row.is_sidechain, old.is_sidechain)
    row.is_complete = max(row.is_complete, old.is_complete)
    row.block_count = max(row.block_count, old.block_count)
    row.streamed_blocks += old.streamed_blocks
    messages.put(kept, row)
    return old


def move(block: Block, kept: Message, blocks: Table[Block], keys: Table[BlockKey]) -> Block:
    """Moves a block to the kept flow. Where there is one at its place already, it is the same block and the older text
    stands first; two that are known to be different both stay, the one that moves behind all others."""
    blocks.drop((block.flow_id, block.block_index))
    there = blocks.get((kept.flow_id, block.block_index))
    block.flow_id = kept.flow_id
    if there is not None and _are_two(block, there):
        block.block_index = kept.block_count
        kept.block_count += 1
    elif there is not None:
        block = _joined(block, there)
    if block.block_key is not None:
        keys.put(block.block_key, BlockKey(block.block_key, kept.flow_id, block.block_index))
    return blocks.put((kept.flow_id, block.block_index), block)


def adopt(messages: Table[Message], blocks: Table[Block], agent: dict[str, str], round_id: str) -> None:
    """Gives the messages of an agent of a session, and their blocks, to a round."""
    for message in messages.all_with("flow_id", "sid = :sid AND agent_id = :agent_id", agent):
        if message.round_id == round_id:
            continue
        message.round_id = round_id
        messages.put(message.flow_id, message)
        for index in range(message.block_count):
            block = blocks.get((message.flow_id, index))
            if block is not None:
                block.round_id = round_id
                blocks.put((message.flow_id, index), block)


def _are_two(one: Block, other: Block) -> bool:
    """True when both were received whole, or are calls of tools, and are not the same one."""
    keys, tools = (one.block_key, other.block_key), (one.tool_use_id, other.tool_use_id)
    return any(None not in pair and pair[0] != pair[1] for pair in (keys, tools))


def _joined(one: Block, other: Block) -> Block:
    if one.block_key is not None or other.block_key is not None:
        whole, pieces = (one, other) if one.block_key is not None else (other, one)
        whole.tool_use_id = whole.tool_use_id or pieces.tool_use_id
        whole.tool_name = whole.tool_name or pieces.tool_name
        return whole  # it has all the text that its pieces have
    first, second = sorted((one, other), key=lambda block: (block.start_time is None, block.start_time or 0.0))
    first.content += second.content
    first.total_bytes += second.total_bytes
    first.delta_count += second.delta_count
    first.block_type = first.block_type or second.block_type
    first.tool_use_id = first.tool_use_id or second.tool_use_id
    first.tool_name = first.tool_name or second.tool_name
    if second.is_complete and not first.is_complete:
        first.is_complete, first.complete_time = 1, second.complete_time
    times = [time for time in (first.last_time, second.last_time) if time is not None]
    first.last_time = max(times, default=None)
    return first
