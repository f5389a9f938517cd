"""Calls of tools and their results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from eventsrc.cli.attached.piece import Line, Piece
from eventsrc.cli.output import duration, size
from eventsrc.limits import STORY_BLOCKS
from eventsrc.plugin import ToolCallEnded, ToolCallStarted, ToolResultReceived

RESULT_LINES = 5  # of a result; the whole of it: `eventsrc agents tool ID`
RESULT_CHARS = 200  # of one such line
UNTOLD = ("denied", "interrupted")
"""Ends of calls that may have no result."""


class Call(msgspec.Struct):
    """A call of a tool."""

    name: str
    time: float | None = None
    """When the call was whole."""
    result: int | None = None
    """Hash of the result that was shown."""


class Calls:
    """Remembers the newest STORY_BLOCKS calls."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._calls: OrderedDict[str, Call] = OrderedDict()

    def get(self, tool_use_id: str) -> Call | None:
        """A call that was told of."""
        return self._calls.get(tool_use_id)

    def named(self, tool_use_id: str, name: str) -> Call:
        """A call, from now on known by this name unless it has one."""
        call = self._calls.setdefault(tool_use_id, Call(name))
        call.name = call.name or name
        while len(self._calls) > STORY_BLOCKS:
            self._calls.popitem(last=False)
        return call

    def started(self, fact: ToolCallStarted, time: float | None) -> Iterator[Piece]:
        """A call that a hook tells of: shown where no message has told of it yet."""
        known = self.get(fact.tool_use_id) is not None
        call = self.named(fact.tool_use_id, fact.tool_name)
        call.time = call.time if call.time is not None else time
        if not known:
            yield from self._line.end()
            yield Piece("tool", f"▸ {fact.tool_name} {fact.tool_input}".rstrip() + "\n")

    def ended(self, fact: ToolCallEnded) -> Iterator[Piece]:
        """A call that has no result of its own to tell why."""
        if fact.outcome in UNTOLD:
            yield from self._line.end()
            yield Piece("bad", f"  ✗ {self.named(fact.tool_use_id, fact.tool_name).name} · {fact.outcome}\n")

    def result(self, fact: ToolResultReceived, time: float | None) -> Iterator[Piece]:
        """A result: how long the tool took, how much it said, and the beginning of that."""
        call = self.named(fact.tool_use_id, "")
        content = hash(fact.content)
        if call.result == content:
            return
        call.result = content
        took = fact.duration_ms / 1000 if fact.duration_ms is not None else None
        if took is None and time is not None and call.time is not None and time >= call.time:
            took = time - call.time
        yield from self._line.end()
        mark, style = ("✗", "bad") if fact.is_error else ("✓", "good")
        facts = [call.name or "result", *([duration(took)] if took is not None else [])]
        facts.append(size(len(fact.content.encode("utf-8", "surrogatepass"))))
        yield Piece(style, f"  {mark} {' · '.join(facts)}\n")
        yield from _beginning(fact.content)


def _beginning(content: str) -> Iterator[Piece]:
    lines = content.strip("\n").split("\n")
    for line in lines[:RESULT_LINES] if content else ():
        yield Piece("note", f"    {line if len(line) <= RESULT_CHARS else line[: RESULT_CHARS - 1] + '…'}\n")
    if len(lines) > RESULT_LINES:
        yield Piece("note", f"    … {len(lines) - RESULT_LINES} more lines\n")
