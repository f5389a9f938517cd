"""Calls that a producer counts up: each is named by what its session had used after it.

Some records do not say what the call itself used: it is the growth of the counter since the record before, or all of
it where the counter started anew. And some sessions begin with a copy of another one's records, under new times: what
the counter says is then all that tells a copy, so a call that an ancestor has counted is not counted once more,
whichever of the two files is read first.
"""

from __future__ import annotations

import json
import sqlite3

import msgspec

from eventsrc.plugin import UsageReported
from projections.agents.table import Table

FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "reasoning_tokens",
)
"""What a counter counts, in this order."""
GENERATIONS = 100  # copies of copies that are followed; ids of a file may say anything, also that it copies itself


class Counter(msgspec.Struct):
    """`counters`"""

    sid: str
    copy_of: str | None = None
    """The session with whose records this one begins."""
    reached: str | None = None
    """The counter after the last record (JSON)."""
    is_reported: int = 0
    """1: its calls are reported one by one; what only counts adds nothing any more."""


class Counters:
    """What the sessions' counters have reached, and who copied whom."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._table = Table(connection, "counters", Counter)
        self._copies: dict[str, list[str]] = {}
        for sid, original in connection.execute("SELECT sid, copy_of FROM counters WHERE copy_of IS NOT NULL"):
            self._copies.setdefault(original, []).append(sid)

    def counted(self, fact: UsageReported) -> UsageReported:
        """The call with numbers of its own, and what is reached noted."""
        if fact.counter is None:
            return fact
        row = self._table.get(fact.sid) or Counter(fact.sid)
        reached = json.dumps(fact.counter)
        if fact.input_tokens is None and fact.output_tokens is None:
            before: list[int] = json.loads(row.reached) if row.reached else [0] * len(fact.counter)
            grown = [now - then for now, then in zip(fact.counter, before, strict=True)]
            own = fact.counter if min(grown) < 0 else grown
            fact = msgspec.structs.replace(fact, **dict(zip(FIELDS, own, strict=True)))
        if row.reached != reached:
            row.reached = reached
            self._table.put(fact.sid, row)
        return fact

    def reported(self, sid: str) -> None:
        """A call of a session was reported by itself."""
        row = self._table.get(sid) or Counter(sid)
        if not row.is_reported:
            row.is_reported = 1
            self._table.put(sid, row)

    def are_reported(self, sid: str) -> bool:
        """Whether calls of a session are reported by themselves."""
        row = self._table.get(sid)
        return row is not None and row.is_reported == 1

    def copied(self, sid: str, original: str) -> bool:
        """A session begins with a copy of another one's records; True when it was told after calls of that session,
        which then have to be looked at again."""
        row = self._table.get(sid) or Counter(sid)
        if row.copy_of is not None or sid == original:
            return False
        row.copy_of = original
        self._table.put(sid, row)
        self._copies.setdefault(original, []).append(sid)
        return row.reached is not None or sid in self._copies

    def originals(self, sid: str) -> list[str]:
        """Those that a session copied, directly or not, the nearest first."""
        found: list[str] = []
        while len(found) < GENERATIONS:
            row = self._table.get(sid)
            if row is None or row.copy_of is None or row.copy_of in found:
                break
            sid = row.copy_of
            found.append(sid)
        return found

    def copies(self, sid: str) -> list[str]:
        """Those that copied a session, directly or not."""
        found: dict[str, None] = {}
        waiting = [sid]
        while waiting:
            for copy in self._copies.get(waiting.pop(), ()):
                if copy not in found and copy != sid:
                    found[copy] = None
                    waiting.append(copy)
        return list(found)

    def flush(self) -> None:
        """Writes what changed."""
        self._table.flush()
