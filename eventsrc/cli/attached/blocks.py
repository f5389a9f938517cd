"""Messages and their blocks, streamed or received whole; told twice, they are shown once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from eventsrc.cli.attached.calls import Calls
from eventsrc.cli.attached.piece import Line, Piece
from eventsrc.limits import STORY_BLOCKS
from eventsrc.plugin import BlockCompleted, BlockDelta, BlockReceived, BlockStarted, MessageStarted

KINDS = {"text": "text", "thinking": "thinking", "json": "tool"}
"""Kinds of pieces that are content, and what they are shown as. Signatures are not."""
HEADS = {"text": "⏺ ", "thinking": "✻ ", "tool": "▸ "}


class _Block(msgspec.Struct):
    """A block that was shown, or is being shown."""

    kind: str
    name: str = ""
    shown: int = 0
    """Characters on the screen."""
    skip: int = 0
    """Characters still to come that are on the screen already: it is being streamed once more."""
    muted: bool = False
    """Shown in full before it was streamed."""


class _Flow(msgspec.Struct):
    """A message: what of it came as a stream, and what whole, by kind of block, as far as the two are not matched."""

    streamed: dict[str, int] = {}
    received: dict[str, int] = {}
    agent_id: str = ""
    muted: bool = False
    """It is the person's own message: prompts and results tell of it."""


class Blocks:
    """Remembers the newest STORY_BLOCKS messages and blocks."""

    def __init__(self, line: Line, calls: Calls) -> None:
        self._line = line
        self._calls = calls
        self._names: OrderedDict[str, str] = OrderedDict()
        self._flows: OrderedDict[str, _Flow] = OrderedDict()
        self._blocks: OrderedDict[tuple[str, int], _Block] = OrderedDict()
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._tools: OrderedDict[tuple[str, int], str] = OrderedDict()

    def forget(self) -> None:
        """Lets go of what is oldest."""
        for memory in (self._names, self._flows, self._blocks, self._keys, self._tools):
            while len(memory) > STORY_BLOCKS:
                memory.popitem(last=False)

    def _flow(self, message_id: str, request_id: str) -> tuple[str, _Flow]:
        first = request_id or message_id
        name = self._names.get(request_id) or self._names.get(message_id) or first
        return name, self._flows.setdefault(name, _Flow())

    def message(self, fact: MessageStarted) -> None:
        """A message begins, or a record mentions it again: both its ids are one message."""
        name, flow = self._flow(fact.message_id, fact.request_id)
        for alias in (fact.message_id, fact.request_id):
            if alias:
                self._names.setdefault(alias, name)
        if fact.stream:
            self._names[fact.stream] = name
        flow.muted = fact.role in ("user", "developer")  # what the agent was given, not what it says
        if fact.is_sidechain or fact.agent_id:
            flow.agent_id = (fact.agent_id or "sub-agent")[:12]

    def started(self, fact: BlockStarted) -> Iterator[Piece]:
        """A block opens; opened once more, what follows is on the screen already."""
        name, flow = self._flow(fact.message_id, fact.request_id)
        key = (name, fact.index)
        block = self._blocks.get(key)
        if block is not None:
            block.skip = block.shown
            return
        block = self._new(key, flow, fact.block_type, fact.tool_name or "")
        if fact.tool_use_id:
            self._tools[key] = fact.tool_use_id
            block.muted = block.muted or self._calls.get(fact.tool_use_id) is not None
            self._calls.named(fact.tool_use_id, fact.tool_name or "")
        if block.kind == "tool" or fact.text:
            yield from self._show(key, block, fact.text, flow)

    def delta(self, fact: BlockDelta) -> Iterator[Piece]:
        """Pieces of a block, shown as they come."""
        if fact.kind not in KINDS:
            return
        name, flow = self._flow(fact.message_id, fact.request_id)
        key = (name, fact.index)
        block = self._blocks.get(key) or self._new(key, flow, KINDS[fact.kind], "")
        text = fact.text
        if block.skip:
            known = min(block.skip, len(text))
            block.skip -= known
            text = text[known:]
        if text:
            yield from self._show(key, block, text, flow)

    def completed(self, fact: BlockCompleted, time: float | None) -> Iterator[Piece]:
        """A streamed block is whole: the tool that it calls begins."""
        name, _ = self._flow(fact.message_id, fact.request_id)
        call = self._calls.get(self._tools.get((name, fact.index), ""))
        if call is not None and call.time is None:
            call.time = time
        if self._line.block == (name, fact.index):
            yield from self._line.end()

    def received(self, fact: BlockReceived, time: float | None) -> Iterator[Piece]:
        """A whole block, unless it was streamed."""
        if fact.key in self._keys:
            return
        self._keys[fact.key] = None
        flow = self._flow(fact.message_id, fact.request_id)[1]
        kind = _kind(fact.block_type)
        call = self._calls.get(fact.tool_use_id or "")
        if call is not None:
            call.time = time if call.time is None else call.time
        known = flow.muted or call is not None
        if flow.streamed.get(kind, 0):
            flow.streamed[kind] -= 1
            known = True
        elif not known:
            flow.received[kind] = flow.received.get(kind, 0) + 1
        if fact.tool_use_id and call is None:
            self._calls.named(fact.tool_use_id, fact.tool_name or "").time = time
        if not known and fact.content:
            yield from self._line.end()
            yield Piece(kind, f"{_head(kind, fact.tool_name or '', flow)}{fact.content.rstrip()}\n")

    def _new(self, key: tuple[str, int], flow: _Flow, block_type: str, tool: str) -> _Block:
        kind = _kind(block_type)
        block = self._blocks[key] = _Block(kind, tool, muted=flow.muted)
        if flow.received.get(kind, 0):
            flow.received[kind] -= 1
            block.muted = True
        else:
            flow.streamed[kind] = flow.streamed.get(kind, 0) + 1
        return block

    def _show(self, key: tuple[str, int], block: _Block, text: str, flow: _Flow) -> Iterator[Piece]:
        if block.muted:
            return
        if self._line.block != key:
            yield from self._line.end()
            head = _head(block.kind, block.name, flow)
            yield Piece(block.kind, head + ("… " if block.shown else ""))
            self._line.block = key
        block.shown += len(text)
        if text:
            yield Piece(block.kind, text)
        self._line.open = not text.endswith("\n")


def _kind(block_type: str) -> str:
    if block_type.endswith("thinking"):
        return "thinking"
    return "tool" if "tool" in block_type else "text"


def _head(kind: str, tool: str, flow: _Flow) -> str:
    agent = f"[{flow.agent_id}] " if flow.agent_id else ""
    return f"{HEADS[kind]}{agent}{f'{tool} ' if kind == 'tool' and tool else ''}"
