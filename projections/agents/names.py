"""Names of messages: which flow an id leads to.

A message is a *flow*. Its key is the request id where there is one, else the message id; whichever names it first keeps
it, and the other becomes an alias. The name of a stream leads to the message that it stands for at the moment.
"""

from __future__ import annotations

import sqlite3

import msgspec

from projections.agents.rows import Alias
from projections.agents.table import Table


class Bound(msgspec.Struct, frozen=True, gc=False):
    """Two ids that a record said are one message, and its flow: the facts of one message ask for it again and again."""

    message_id: str = ""
    request_id: str = ""
    flow_id: str = ""


class Names:
    """What is known of names."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.table = Table(connection, "flows", Alias)
        self._bound = Bound()

    def flow_of(self, message_id: str, request_id: str, *, bind: bool = False) -> str:
        """The flow that two ids name. `bind`: the record says that both are ids of one message."""
        bound = self._bound
        if message_id == bound.message_id and request_id == bound.request_id:
            return bound.flow_id
        first = request_id or message_id
        known = self.table.rows.get(first)
        if known is not None and known.flow_id == first and not bind:
            return first  # nearly always, of what streams
        for name in (request_id, message_id):
            known = self.table.get(name) if name else None
            if known is not None:  # the name of a stream leads to a message, which may be kept as another one since
                flow = known.flow_id if known.flow_id == name else (self.table.get(known.flow_id) or known).flow_id
                break
        else:
            flow = first
        for name in (request_id, message_id) if bind else (first,):
            if name and self.table.get(name) is None:
                self.table.put(name, Alias(name, flow))
        if bind:
            self._bound = Bound(message_id, request_id, flow)
        return flow

    def two(self, message_id: str, request_id: str) -> tuple[str, str] | None:
        """The flows of two ids of one message, the one to keep first, where each was seen without the other."""
        if message_id == self._bound.message_id and request_id == self._bound.request_id:
            return None  # the record before said the same
        ours, theirs = self.table.get(request_id), self.table.get(message_id)
        if ours is None or theirs is None or ours.flow_id == theirs.flow_id:
            return None
        return ours.flow_id, theirs.flow_id

    def lead(self, names: set[str], flow: str) -> None:
        """From now on, all of these names lead to a flow."""
        for name in names:
            self.table.put(name, Alias(name, flow))
        self._bound = Bound()

    def flush(self) -> None:
        """Writes what changed."""
        self.table.flush()
