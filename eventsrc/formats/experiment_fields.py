"""The fields of an experiment's records, decoded once and tolerant of drift: a field of another type is missing.

What nobody reads is skipped while decoding: requests repeat the whole history, which is most of the bytes of a log.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from eventsrc.plugin import parse_time

_MOST = 2**63
"""What a column of whole numbers can hold."""


class Fields(Struct):
    """Every field that carries meaning in some event; which ones are there depends on its type."""

    event_type: Any = None
    timestamp: Any = None
    conversation_id: Any = None
    experiment_id: Any = None
    agent_id: Any = None
    turn_number: Any = None
    chunk_index: Any = None
    agent_a_model: Any = None
    agent_b_model: Any = None
    agent_a_display_name: Any = None
    agent_b_display_name: Any = None
    initial_prompt: Any = None
    max_turns: Any = None
    temperature_a: Any = None
    temperature_b: Any = None
    agent_a: Any = None
    agent_b: Any = None
    config: Raw = Raw()
    message: Any = None
    turn: Raw = Raw()
    thinking_content: Any = None
    thinking_tokens: Any = None
    tokens_used: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    duration_ms: Any = None
    convergence_score: Any = None
    provider: Any = None
    model: Any = None
    reason: Any = None
    total_turns: Any = None
    status: Any = None
    error: Any = None
    error_type: Any = None
    error_message: Any = None
    retryable: Any = None
    messages_dropped: Any = None


class Outer(Struct):
    """The record around the fields: of 2025-06 they stand in `data`, later beside `event_type`."""

    event_type: Any = None
    timestamp: Any = None
    experiment_id: Any = None
    conversation_id: Any = None
    data: Raw = Raw()


_OUTER = msgspec.json.Decoder(Outer)
_FIELDS = msgspec.json.Decoder(Fields)


def outer_of(data: bytes | Raw) -> Outer:
    """The record; raises msgspec.DecodeError or RecursionError when it is no JSON object."""
    return _OUTER.decode(data)


def fields_of(data: bytes | Raw) -> Fields:
    """The fields, wherever they stand. ValueError when it is no JSON object."""
    try:
        outer = outer_of(data)
        if not is_object(outer.data):
            return _FIELDS.decode(data)
        fields = _FIELDS.decode(outer.data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    fields.event_type, fields.timestamp = outer.event_type, outer.timestamp
    return fields


def is_object(raw: Raw) -> bool:
    """Whether a JSON value is an object."""
    return bytes(raw)[:1] == b"{"


def text(value: Any) -> str | None:
    """A text, else None."""
    return value if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """A whole number that a database can hold, else None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and -_MOST <= value < _MOST else None


def member(value: Any, name: str) -> Any:
    """A member of an object; None when it is none, or has none."""
    return value.get(name) if isinstance(value, dict) else None


def wall_time(written: Any) -> float | None:
    """A time without zone, as if it were UTC; None when it has a zone or is no time."""
    if not isinstance(written, str):
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC).timestamp() if moment.tzinfo is None else None


def moment(written: Any) -> float | None:
    """A time as a manifest writes it; without a zone it counts as UTC."""
    if not isinstance(written, str):
        return None
    found = parse_time(written)
    return wall_time(written) if found is None else found
