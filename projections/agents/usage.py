"""Tokens: one row per model call, right whatever the order and however often its records come.

The kept record is a whole one, never a mix of fields: a copy that is not of a side chain beats one that is, then the
larger total wins, then the source that sorts first, then the first. A stream replaces field by field: its numbers
are cumulative. What counts up names its calls itself: see `counters.py`.
"""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import UsageReported
from projections.agents.counters import FIELDS, Counters
from projections.agents.rows import Message, Usage
from projections.agents.totals import HOUR, MOST, Share, SummedTable, Totals, bounded, slot_of


class Usages:
    """What is known of tokens."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        totals = Totals(connection, "usage_totals", ("sid", "hour", "model", "origin"), FIELDS)
        self._table = SummedTable(connection, "usage", Usage, _share, totals)
        self._counters = Counters(connection)

    def reported(self, fact: UsageReported, flow: str | None, name: str, time: float | None, source: str) -> None:
        """A record about a call. `name` is the id that all records of the call are known by."""
        if name != fact.request_id:
            self._rename(fact.request_id, name)
        row = self._table.get(name)
        if row is not None and _another_call(row, fact):
            name = f"{name}#{fact.request_id or 'no request'}"
            row = self._table.get(name)
        if row is None:
            self._table.put(name, _row(name, fact, flow, time, source))
            return
        if time is not None and (row.first_time is None or time < row.first_time):
            row.first_time = time
            self._table.put(name, row)
        if fact.rule in ("replace", "count"):
            _replace(row, fact, time)
            self._table.put(name, row)
        elif not _is_copy(fact, row, source):  # a transcript repeats a call's numbers in each of its records
            new = _row(name, fact, flow, time, source)
            if _better(new, row):
                new.first_time = row.first_time
                row = self._table.put(name, new)
        if row.flow_id is None and flow is not None:
            row.flow_id = flow
            self._table.put(name, row)

    def counted(self, fact: UsageReported, time: float | None, source: str) -> None:
        """A call that is named by what its session had used after it, or one of a session whose calls are."""
        if fact.rule != "count":
            self._counters.reported(fact.sid)
        elif self._counters.are_reported(fact.sid) and self._table.get(fact.usage_id) is None:
            return
        own = self._counters.counted(fact)
        if own is not fact and self._table.get(fact.usage_id) is not None:
            return  # what the counter grew by is known from the first time that this was told
        fact, name = own, fact.usage_id.removeprefix(fact.sid)
        for copy in self._counters.copies(fact.sid):
            self._forget(copy + name)
        if all(self._table.get(original + name) is None for original in self._counters.originals(fact.sid)):
            self.reported(fact, None, fact.usage_id, time, source)

    def copied(self, sid: str, original: str) -> None:
        """A session begins with a copy of another one's records: what both have counted is the other one's."""
        if not self._counters.copied(sid, original):
            return
        for copy in (sid, *self._counters.copies(sid)):
            originals = self._counters.originals(copy)
            for row in self._table.all_with("usage_id", "sid = :sid", {"sid": copy}):
                name = row.usage_id.removeprefix(copy)
                if any(self._table.get(one + name) is not None for one in originals):
                    self._forget(row.usage_id)

    def _forget(self, name: str) -> None:
        if self._table.get(name) is not None:
            self._table.drop(name)

    def moved(self, names: tuple[str, str], flow: str) -> None:
        """The message of a call, known by either name, is kept as another flow now."""
        for name in names:
            row = self._table.get(name)
            if row is not None and row.flow_id != flow:
                row.flow_id = flow
                self._table.put(name, row)

    def _rename(self, request_id: str, name: str) -> None:
        """A call that was known by its request before the message was: its row gets the name that transcripts use."""
        row = self._table.get(request_id) if request_id else None
        if row is None:
            return
        self._table.drop(request_id)
        there = self._table.get(name)
        if there is not None and there.request_id not in (None, request_id):
            name = f"{name}#{request_id}"
            there = self._table.get(name)
        row.usage_id = name
        if there is None or _better(row, there):
            self._table.put(name, row)

    def flush(self) -> None:
        """Writes what changed."""
        self._table.flush()
        self._counters.flush()


def name_of(fact: UsageReported, message: Message | None) -> str:
    """The name of a call: the message's own id, once that is known, for what was named by either id."""
    name = fact.usage_id
    if message is None or not message.message_id or name == message.message_id:
        return name
    if name in (fact.request_id, fact.message_id):
        return message.message_id
    if name.startswith(f"{fact.message_id}#"):
        return message.message_id + name.removeprefix(fact.message_id)
    return name


def _share(row: Usage) -> Share:
    key = (row.sid, slot_of(row.time, HOUR), row.model or "", row.origin)
    tokens = (
        row.input_tokens,
        row.output_tokens,
        row.cache_creation_input_tokens,
        row.cache_read_input_tokens,
        row.reasoning_tokens,
    )
    return key, tokens if min(tokens) >= -MOST and max(tokens) <= MOST else tuple(map(bounded, tokens))


def _another_call(row: Usage, fact: UsageReported) -> bool:
    """Two different requests under one message id are two calls, unless one is a side chain's copy; in transcripts a
    record without a request is another one too."""
    ours, theirs = row.request_id, fact.request_id or None
    if row.is_sidechain or fact.is_sidechain or ours == theirs:
        return False
    return bool(ours and theirs) or (fact.rule == "largest" and row.rule == "largest")


def _row(name: str, fact: UsageReported, flow: str | None, time: float | None, source: str) -> Usage:
    return Usage(
        name,
        fact.sid,
        flow,
        fact.origin,
        time,
        fact.model,
        fact.input_tokens or 0,
        fact.output_tokens or 0,
        fact.cache_creation_input_tokens or 0,
        fact.cache_read_input_tokens or 0,
        fact.reasoning_tokens or 0,
        int(fact.is_final),
        int(fact.is_sidechain),
        fact.request_id or None,
        time,
        source,
        fact.rule,
    )


def _is_copy(fact: UsageReported, row: Usage, source: str) -> bool:
    """True when a record says just what is known: `_better` would say no."""
    return (
        row.output_tokens == (fact.output_tokens or 0)
        and row.cache_read_input_tokens == (fact.cache_read_input_tokens or 0)
        and row.cache_creation_input_tokens == (fact.cache_creation_input_tokens or 0)
        and row.input_tokens == (fact.input_tokens or 0)
        and row.origin == fact.origin
        and row.is_sidechain == fact.is_sidechain
        and row.source <= source
    )


def _better(new: Usage, old: Usage) -> bool:
    if new.origin != old.origin:
        return new.origin == "message"
    if new.is_sidechain != old.is_sidechain:
        return not new.is_sidechain
    return (-new.total, new.source) < (-old.total, old.source)


def _replace(row: Usage, fact: UsageReported, time: float | None) -> None:
    """A stream's later numbers. Those of a copy that knows less than what is there change nothing."""
    if row.is_final and not fact.is_final:
        return
    for field in FIELDS:
        value = getattr(fact, field)
        if value is not None:
            setattr(row, field, value)
    row.model = row.model if row.model and fact.counter else fact.model or row.model
    row.is_final = max(row.is_final, int(fact.is_final))
    if row.time is None:
        row.time = time
