"""Where the read model `deltas` keeps the pieces of a streamed block: named by the same rules, from the same facts.

Whether the file is there is another matter: that read model may be switched off, or behind.
"""

from __future__ import annotations

from eventsrc.plugin import folder_name
from projections.agents.rows import Alias
from projections.agents.table import Table

CONTENT = {"text": "text", "thinking": "thinking", "json": "tool_use"}
"""Kinds of pieces that are content, and the block that an unannounced piece must belong to. Signatures are not."""


class DeltaFiles:
    """Remembers which flow had a name first: file systems may take two that differ in case for one."""

    def __init__(self, aliases: Table[Alias]) -> None:
        self._aliases = aliases

    def path(self, flow: str, index: int) -> str:
        """The file of a block, below the data directory. `flow` and `index` as they were when its first piece came."""
        name = folder_name(flow)
        key = f"folder {name.lower()}"  # no id of a producer holds a blank
        known = self._aliases.get(key) or self._aliases.put(key, Alias(key, flow))
        return f"deltas/{name if known.flow_id == flow else folder_name(flow, taken=True)}/index_{index}.txt"
