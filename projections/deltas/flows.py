"""Which message a piece belongs to: the same rules as in `agents`, so that both name a file alike.

A message is a flow. Its key is the request id where there is one, else the message id; whichever names it first keeps
it, and the other becomes an alias.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from eventsrc.plugin import Gone

KEPT = 20_000  # aliases and flows in memory, some 5 MB; others are looked up by their key


class Flow(msgspec.Struct):
    """`flows`: what is known of a message, to tell whether two are one."""

    flow_id: str
    message_id: str | None = None
    request_id: str | None = None


class Flows:
    """The names of messages."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._aliases: dict[str, str] = {}
        self._flows: dict[str, Flow] = {}
        self._new_aliases: dict[str, str] = {}
        self._new_flows: dict[str, Flow] = {}
        self._bound = ("", "")  # the ids that were bound last: a message comes in several records
        began_empty = connection.execute("SELECT 1 FROM aliases LIMIT 1").fetchone() is None
        self._aliases_gone = Gone() if began_empty else None
        self._flows_gone = Gone() if began_empty else None

    def of(self, message_id: str, request_id: str) -> str:
        """The flow that two ids name."""
        first = request_id or message_id
        for name in (request_id, message_id):
            flow = self._named(name) if name else None
            if flow is not None:  # the name of a stream leads to a message, which may be kept as another one since
                flow = self._named(flow) or flow
                break
        else:
            flow = first
        if first and self._named(first) is None:
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
        kept, lost = self._named(request_id), self._named(message_id)
        united = ("", "")
        two = begins and kept is not None and lost is not None and kept != lost
        if two and kept and lost and self._are_one(kept, lost, message_id, request_id):
            self._name(message_id, kept)
            self._name(lost, kept)
            united = (lost, kept)
        flow = kept if kept is not None else lost if lost is not None else request_id
        for name in (request_id, message_id):
            if self._named(name) is None:
                self._name(name, flow)
        if begins:
            self._know(flow, message_id, request_id)
            self._bound = (message_id, request_id)
        return united

    def flush(self) -> None:
        """Writes what is new."""
        self._connection.executemany("INSERT OR REPLACE INTO aliases VALUES (?, ?)", self._new_aliases.items())
        flows = map(msgspec.structs.astuple, self._new_flows.values())
        self._connection.executemany("INSERT OR REPLACE INTO flows VALUES (?, ?, ?)", flows)
        self._new_aliases.clear()
        self._new_flows.clear()
        _forget(self._aliases, self._aliases_gone)
        _forget(self._flows, self._flows_gone)

    def _are_one(self, kept: str, lost: str, message_id: str, request_id: str) -> bool:
        """False when one of them is known to be another message: builds exist that write the id of a newer one."""
        ours, theirs = self._flow(kept), self._flow(lost)
        return ours.message_id in (None, message_id) and theirs.request_id in (None, request_id)

    def _know(self, flow_id: str, message_id: str, request_id: str) -> None:
        flow = self._flow(flow_id)
        if flow.message_id is None or flow.request_id is None:
            flow.message_id = flow.message_id or message_id
            flow.request_id = flow.request_id or request_id
            self._flows[flow_id] = self._new_flows[flow_id] = flow

    def _flow(self, flow_id: str) -> Flow:
        flow = self._flows.get(flow_id)
        if flow is None:
            found = None
            if self._flows_gone is None or flow_id in self._flows_gone:
                found = self._connection.execute("SELECT * FROM flows WHERE flow_id = ?", (flow_id,)).fetchone()
            flow = self._flows[flow_id] = Flow(*found) if found else Flow(flow_id)
        return flow

    def _named(self, alias: str) -> str | None:
        flow = self._aliases.get(alias)
        if flow is None and (self._aliases_gone is None or alias in self._aliases_gone):
            found = self._connection.execute("SELECT flow_id FROM aliases WHERE alias = ?", (alias,)).fetchone()
            if found is not None:
                flow = self._aliases[alias] = found[0]
        return flow

    def _name(self, alias: str, flow: str) -> None:
        self._aliases[alias] = self._new_aliases[alias] = flow
        self._bound = ("", "")


def _forget(memory: dict[str, Any], gone: Gone | None) -> None:
    """Empties a memory that has become too large; of a table that was empty at the start it stays known what it had."""
    if len(memory) > KEPT:
        if gone is not None:
            gone.add(memory)
        memory.clear()
