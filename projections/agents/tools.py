"""Which block is the call of a tool, by the id that the call has."""

from __future__ import annotations

from eventsrc.plugin import Gone
from projections.agents.rows import Block
from projections.agents.table import CACHE_ROWS, EVICTED, Table


class Tools:
    """The newest calls in memory; older ones are looked up among the blocks."""

    def __init__(self, blocks: Table[Block]) -> None:
        self._blocks = blocks
        self._places: dict[str, tuple[str, int]] = {}
        self._gone = Gone() if blocks.began_empty else None

    def find(self, tool_use_id: str | None) -> Block | None:
        """The block of a call; None when there is none, or no id."""
        if not tool_use_id:
            return None
        place = self._places.get(tool_use_id)
        if place is not None:
            return self._blocks.get(place)
        if self._gone is not None and tool_use_id not in self._gone:
            return None
        return self._blocks.find("tool_use_id = ?", (tool_use_id,))

    def name(self, block: Block, tool_use_id: str | None) -> None:
        """The id of the call that a block is; the first one holds."""
        if tool_use_id and block.tool_use_id is None:
            block.tool_use_id = tool_use_id
            self.moved(block)

    def moved(self, block: Block) -> None:
        """A block is at another place now."""
        if block.tool_use_id:
            self._places[block.tool_use_id] = (block.flow_id, block.block_index)

    def flush(self) -> None:
        """After the blocks are written: forgets the oldest calls when there are too many."""
        if len(self._places) > CACHE_ROWS:
            oldest = list(self._places)[: CACHE_ROWS // EVICTED]
            for tool_use_id in oldest:
                del self._places[tool_use_id]
            if self._gone is not None:
                self._gone.add(oldest)
