"""Codex CLI: the rollouts below `~/.codex/sessions`, one file per thread, in every version since September 2025.

Event types are `codex_rollout.<type>[.<payload type>]`, the stream is `session/<thread>`. Keys that a projection can
rely on:

* **session**: the thread, as the file's name tells it. Sub-agents are threads of their own, with a parent.
* **round**: the turn, `turn_<turn id>`, as in the instrumented streams; lines that name none belong to the current one.
* **message**: the item; **tool call**: `call_id`, in every record about it.
* **usage**: what the thread had used after the call, so that every record of a call names it alike (`codex_usage`).

A line without an ordinal is known by its thread and its offset, which are the same in every copy of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from eventsrc.formats import codex_envelope
from eventsrc.formats.codex_entry import AGENT, Entry, entry_of, lines_of
from eventsrc.formats.codex_events import read_event
from eventsrc.formats.codex_items import read_item
from eventsrc.formats.codex_place import place_of
from eventsrc.formats.codex_session import read_compacted, read_context, read_meta
from eventsrc.formats.codex_usage import token_usage_record
from eventsrc.plugin import Envelope, Event, Fact, Record, Unknown

__all__ = ["Codex"]


class Codex:
    """Rollouts of the Codex CLI 0.4x to 0.169, and what later versions add to them."""

    name: ClassVar[str] = "codex"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (codex_envelope.PREFIX,)

    def recognise(self, record: Record) -> Envelope | None:
        """`codex_rollout.<type>[.<payload type>]`, the thread's stream, the line's own time."""
        return codex_envelope.recognise(record)

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
        """The same for many lines."""
        return codex_envelope.recognise_lines(records, lines)

    def read(self, event: Event) -> Sequence[Fact]:
        """What a line means; of several that were glued together, what each of them means."""
        lines, whole = lines_of(event)
        facts: list[Fact] = []
        for number, line in enumerate(lines):
            entry = entry_of(event, number, line)
            facts += _READERS.get(entry.kind, _read_unknown)(entry)
        if not whole:
            facts.append(Unknown(sid=place_of(event.source).thread, agent=AGENT, what="the rest of a damaged line"))
        return facts


def _read_usage(entry: Entry) -> list[Fact]:
    return token_usage_record(entry.who, entry.payload)


def _read_alive(entry: Entry) -> list[Fact]:
    return entry.who.activity(entry.name)


def _read_unknown(entry: Entry) -> list[Fact]:
    return entry.who.unknown(entry.name or "a line without a type")


_READERS: Mapping[str, Callable[[Entry], list[Fact]]] = {
    "session_meta": read_meta,
    "turn_context": read_context,
    "response_item": read_item,
    "event_msg": read_event,
    "compacted": read_compacted,
    "token_usage_record": _read_usage,
    **dict.fromkeys(
        (
            "world_state",
            "inter_agent_communication",
            "inter_agent_communication_metadata",
            "security_risk_score",
            "retained_context",
            "realtime_item",
        ),
        _read_alive,
    ),
}
