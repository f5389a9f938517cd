"""What every fact of an `sse_lines` row carries (session, process, round, time), and the values inside its payload."""

from __future__ import annotations

from typing import Any

import msgspec

from eventsrc.formats.counting import count
from eventsrc.formats.sse_rows import SENTINELS, Row, origin_of
from eventsrc.formats.sse_times import instant, uuid7_time, wall
from eventsrc.plugin import Activity, Fact, SessionObserved, Unknown

Object = dict[str, Any]


class Who(msgspec.Struct, frozen=True, gc=False):
    """The common fields of the facts of one row; `facts(**who.fields)`."""

    fields: Object
    version: str | None = None
    cwd: str | None = None

    def observed(self, *, model: str | None = None, cwd: str | None = None) -> list[Fact]:
        """What the row says about its session, where it says anything."""
        cwd = cwd or self.cwd
        if not (cwd or self.version or model):
            return []
        return [SessionObserved(**self.fields, cwd=cwd, version=self.version, model=model)]

    def activity(self, what: str) -> list[Fact]:
        """A sign of life and nothing else."""
        return [Activity(**self.fields, what=what)]

    def unknown(self, what: str) -> list[Fact]:
        """A sign of life that nobody can read yet: the record is kept, counted and shown."""
        return [Activity(**self.fields, what=what), Unknown(**self.fields, what=what)]


def claude_who(row: Row, timestamp: str | None = None, *, opens_round: bool = False) -> Who:
    """Claude: the body tells the time in UTC. `opens_round`: the round's UUIDv7 was made in the same instant."""
    origin = origin_of(row)
    round_ = row.round or ""
    time = instant(timestamp)
    fields: Object = {"sid": sid_of(row), "time": time, "pid": origin.pid, "round": round_, "agent": "claude_code"}
    if time is None:
        fields["local"] = wall(row.t)
        fields["zone_hint"] = uuid7_time(round_) if opens_round else None
    return Who(fields, origin.version, origin.cwd)


def codex_who(row: Row, *, hint: float | None = None) -> Who:
    """Codex: no body tells the time; only events that waited in a queue carry when they were released (L6)."""
    origin = origin_of(row)
    fields: Object = {"sid": sid_of(row), "time": None, "pid": origin.pid, "round": codex_round(row), "agent": "codex"}
    released = released_time(row.line)
    fields["local"] = wall(row.t)
    fields["time"] = released
    fields["zone_hint"] = released if released is not None else hint
    return Who(fields, origin.version, origin.cwd)


def sid_of(row: Row) -> str:
    """The session; "" for the values that stand for none (E17)."""
    sid = row.sid
    return "" if sid is None or sid in SENTINELS else sid


def codex_round(row: Row) -> str:
    """`metadata.turn_id` before `round` (E5). Turn numbers count anew in each process, so the pid is part of the key;
    turn ids that are UUIDs name a turn by themselves."""
    origin = origin_of(row)
    if not origin.turn_id:
        return row.round or ""
    if len(origin.turn_id) == 36 or origin.pid is None:
        return f"turn_{origin.turn_id}"
    return f"turn_{origin.turn_id}@{origin.pid}"


def released_time(line: str) -> float | None:
    """`payload.released`, nanoseconds since the epoch → seconds; None when the row was not queued."""
    if '"released"' not in line:
        return None
    try:
        released = _decode_released(line[line.find("{") :]).payload.released
    except (msgspec.DecodeError, RecursionError):  # also where "released" is only part of a text
        return None
    return released // 1000 / 1e6 if released is not None and released > 0 else None


class _Payload(msgspec.Struct, frozen=True, gc=False):
    released: int | None = None


class _Released(msgspec.Struct, frozen=True, gc=False):
    payload: _Payload = _Payload()


_decode_released = msgspec.json.Decoder(_Released).decode


# --- values inside payloads, whatever they turn out to be ---------------------------------------------------------


def text_in(values: Object, key: str) -> str:
    """A text; "" when it is missing or not a text."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def number_in(values: Object, key: str) -> int | None:
    """A whole number; None when it is missing or not one."""
    value = values.get(key)
    return count(value)


def object_in(values: Object, key: str) -> Object:
    """An object; an empty one when it is missing or not one."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def objects_in(values: Object, key: str) -> list[Object]:
    """The objects of a list."""
    value = values.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def json_text(value: object) -> str:
    """A value as compact JSON text."""
    return msgspec.json.encode(value).decode()


def content_text(content: object) -> str:
    """What one reads in a content: a text, or the texts of its blocks by lines; other blocks as JSON."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        return json_text(content)
    return "\n".join(_block_text(block) for block in content)


def _block_text(block: object) -> str:
    if isinstance(block, str):
        return block
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return str(block["text"])
    return json_text(block)
