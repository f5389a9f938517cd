"""What is told of once more: pieces of a block that was started again, whole copies of what was streamed before, and
prompts that two producers wrote down."""

from __future__ import annotations

import hashlib

from eventsrc.plugin import PromptSubmitted
from projections.agents.rows import Block, Message
from projections.agents.table import Table


def not_yet_there(block: Block, text: str) -> str | None:
    """What a piece of a block that was started again adds to its content; None when it is there already.

    Counts forward in `block.replayed` as long as the pieces say what is there; the first one that does not ends it."""
    assert block.replayed is not None, "only a block that was started again is compared"
    there = block.content[block.replayed : block.replayed + len(text)]
    if not text.startswith(there):
        block.replayed = None
        return text
    block.replayed += len(there)
    rest = text[len(there) :]
    if rest:
        block.replayed = None
    return rest or None


def streamed_twin(message: Message, blocks: Table[Block], block_type: str) -> Block | None:
    """The block of the same type that was streamed before and that no whole copy was matched with yet."""
    if not message.streamed_blocks:
        return None
    for index in range(message.block_count):
        block = blocks.get((message.flow_id, index))
        if block is not None and block.block_key is None and block.block_type == block_type:
            return block
    return None


def place(flow: str, index: int) -> str:
    """The key of a place of a flow. Keys of blocks that formats give hold no blank before a number."""
    return f"at {flow} {index}"


VOICES = ("aloud", "in writing", "item", "event", "hook")
"""Who tells of a prompt: a stream (it names its process), a transcript, two kinds of records in one file, a hook."""


def voice_of(fact: PromptSubmitted) -> str:
    """The voice in which a prompt is told."""
    return fact.voice or ("aloud" if fact.pid is not None else "in writing")


def said_at(fact: PromptSubmitted, time: float, *voices: str) -> list[str]:
    """Names by which the same prompt is found when it was told in another voice, of each voice the exact one first.
    Records of one prompt are written within a second, and may share no id."""
    text = fact.prompt.rstrip().removesuffix(f"Your agent Id is: {fact.sid}").rstrip()
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    second = int(time)
    return [f"said {voice} {fact.sid} {second + near} {digest}" for voice in voices for near in (0, -1, 1)]
