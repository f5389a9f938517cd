"""Which message a piece belongs to: the same rules as in `agents`, so that both name a file alike.

A message is a flow. Its key is the request id where there is one, else the message id; whichever names it first keeps
it, and the other becomes an alias.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter

import msgspec

from projections.deltas.memory import Memory


class Flow(msgspec.Struct):
    """`flows`: what is known of a message, to tell whether two are one."""

    flow_id: str
    message_id: str | None = None
    request_id: str | None = None


class Flows:
    """The names of messages."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._aliases: Memory[str, str] = Memory(connection, "aliases", "alias = ?", itemgetter(1))
        self._flows: Memory[str, Flow] = Memory(connection, "flows", "flow_id = ?", lambda row: Flow(*row))
        self._bound = ("", "")  # the ids that were bound last: a message comes in several records

    def of(self, message_id: str, request_id: str) -> str:
        """The flow that two ids name."""
        first = request_id or message_id
        if first and self._aliases.rows.get(first) == first:
            return first  # nearly always
        for name in (request_id, message_id):
            flow = self._aliases.get(name) if name else None
            if flow is not None:  # the name of a stream leads to a message, which may be kept as another one since
                flow = self._aliases.get(flow) or flow
                break
        else:
            flow = first
        if first and self._aliases.get(first) is None:
            self._name(first, flow)
        return flow

    def stands_for(self, stream: str, message_id: str, request_id: str) -> None:
        """From now on, the name of a stream means this message."""
        self._name(stream, self.of(message_id, request_id))

    def bind(self, message_id: str, request_id: str, *, begins: bool) -> tuple[str, str]:
        """Both ids are one message from now on. (lost flow, kept flow) when they were two before and the record that
        `begins` a message says so; else two empty texts."""
        if self._bound == (message_id, request_id):
            return "", ""
        kept, lost = self._aliases.get(request_id), self._aliases.get(message_id)
        united = ("", "")
        two = begins and kept is not None and lost is not None and kept != lost
        if two and kept and lost and self._are_one(kept, lost, message_id, request_id):
            self._name(message_id, kept)
            self._name(lost, kept)
            united = (lost, kept)
        flow = kept if kept is not None else lost if lost is not None else request_id
        for name in (request_id, message_id):
            if self._aliases.get(name) is None:
                self._name(name, flow)
        if begins:
            self._know(flow, message_id, request_id)
            self._bound = (message_id, request_id)
        return united

    def flush(self) -> None:
        """Writes what is new."""
        self._aliases.flush(self._aliases.changed.items(), 2)
        self._flows.flush(map(msgspec.structs.astuple, self._flows.changed.values()), 3)

    def _are_one(self, kept: str, lost: str, message_id: str, request_id: str) -> bool:
        """False when one of them is known to be another message: builds exist that write the id of a newer one."""
        ours, theirs = self._flow(kept), self._flow(lost)
        return ours.message_id in (None, message_id) and theirs.request_id in (None, request_id)

    def _know(self, flow_id: str, message_id: str, request_id: str) -> None:
        flow = self._flow(flow_id)
        if flow.message_id is None or flow.request_id is None:
            flow.message_id = flow.message_id or message_id
            flow.request_id = flow.request_id or request_id
            self._flows.put(flow_id, flow)

    def _flow(self, flow_id: str) -> Flow:
        return self._flows.get(flow_id) or Flow(flow_id)

    def _name(self, alias: str, flow: str) -> None:
        self._aliases.put(alias, flow)
        self._bound = ("", "")
