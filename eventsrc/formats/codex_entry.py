"""One line of a rollout in its circumstances: whose it is, when it was written, which turn it belongs to."""

from __future__ import annotations

from typing import Any

import msgspec

from eventsrc.formats.claude_envelope import seconds_of
from eventsrc.formats.claude_line import split
from eventsrc.formats.codex_place import Place, place_of
from eventsrc.formats.sse_who import Object, Who, object_in, text_in
from eventsrc.plugin import Event

AGENT = "codex"


class Entry(msgspec.Struct, frozen=True):
    """A line, where it stands, and what all its facts have in common."""

    kind: str
    """`session_meta`, `response_item`, `event_msg` …"""
    payload: Object
    place: Place
    identity: str
    """Thread and ordinal; where lines have none, thread and offset in the file, which copies of the file share."""
    who: Who
    """Session, time and turn; makes the facts of a line that says nothing else."""

    @property
    def name(self) -> str:
        """`event_msg/token_count`: what the line is, for a person."""
        detail = text_in(self.payload, "type")
        return f"{self.kind}/{detail}" if detail else self.kind


def lines_of(event: Event) -> tuple[list[Object], bool]:
    """The lines of an event, and whether all of it was read. One is the rule; a writer that was killed may have left
    one that is torn, and the next one glued to it."""
    if event.data_base64 is None:
        try:
            value = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, RecursionError):  # an escape that is no character, or deep beyond use
            value = None
        if isinstance(value, dict):
            return [value], True
    objects, whole = split(event.raw)
    return [msgspec.json.decode(data) for data in objects], whole and bool(objects)


def entry_of(event: Event, number: int, line: Object) -> Entry:
    """Line number `number` of the event."""
    place = place_of(event.source)
    payload = object_in(line, "payload")
    fields: Object = {
        "sid": place.thread,
        "time": seconds_of(line.get("timestamp")),
        "round": _round(payload),
        "agent": AGENT,
    }
    return Entry(text_in(line, "type"), payload, place, _identity(event, place, number, line), Who(fields))


def round_of(turn_id: str) -> str:
    """The key of a turn, as every producer of Codex's records names it; "" for none."""
    return f"turn_{turn_id}" if turn_id else ""


def _round(payload: Object) -> str:
    for holder in (payload, object_in(payload, "internal_chat_message_metadata_passthrough")):
        if turn_id := text_in(holder, "turn_id"):
            return round_of(turn_id)
    return round_of(text_in(object_in(payload, "metadata"), "turn_id"))


def _identity(event: Event, place: Place, number: int, line: Object) -> str:
    ordinal: Any = line.get("ordinal")
    if isinstance(ordinal, int) and not isinstance(ordinal, bool):
        return f"{place.thread}/{ordinal}"
    offset = event.id.rpartition(":")[2]
    return f"{place.thread}@{offset}" + (f".{number}" if number else "")
