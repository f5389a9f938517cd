"""One transcript record in its circumstances, and what every record says about its session."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from eventsrc.formats.claude_envelope import PREFIX, seconds_of, session_of
from eventsrc.formats.claude_line import Line, decode_object
from eventsrc.formats.claude_place import Place, place_of
from eventsrc.formats.counting import count
from eventsrc.limits import TEXT_CACHE
from eventsrc.plugin import Event, SessionObserved, Shaped

AGENT = "claude_code"
Fields: TypeAlias = dict[str, Any]
"""What a fact is made with by name, or a rare record as a dictionary."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record, where it stands, and what all its facts have in common."""

    line: Line
    data: bytes | Raw
    """The record itself; empty where it was decoded together with others, which is done for frequent types only."""
    kind: str
    """`user`, `assistant`, `system` …; for records without a type, what they are."""
    place: Place
    identity: str
    """`uuid`, or the place in the source when the record has none."""
    is_sidechain: bool
    agent_id: str | None
    sid: str
    time: float | None
    round: str

    @property
    def common(self) -> Fields:
        """`sid`, `time`, `round`, `agent`: the same for every fact of the record. For facts that are rare; naming the
        four costs a quarter of unpacking a dictionary."""
        return {"sid": self.sid, "time": self.time, "round": self.round, "agent": AGENT}

    def fields(self) -> Fields:
        """The whole record, for types too rare for a struct of their own."""
        return decode_object(self.data)


def entry_of(event: Event | Shaped[Any], number: int, line: Line, data: bytes | Raw) -> Entry:
    """Record number `number` of the event."""
    source = event.source
    place = place_of(source)
    kind = kind_of(event.type) if number == 0 else line.type or ""
    return Entry(
        line,
        data,
        kind,
        place,
        line.uuid or f"{source}#{event.id}/{number}",
        line.is_sidechain is True or place.agent_id is not None,
        line.agent_id or place.agent_id,
        line.session_id or session_of(None, kind, source),
        seconds_of(line.timestamp),
        line.prompt_id or "",
    )


@lru_cache(maxsize=TEXT_CACHE)
def kind_of(event_type: str) -> str:
    """`claude_code.system.turn_duration` → `system`."""
    return event_type.removeprefix(PREFIX).split(".")[0]


def observed(entry: Entry, model: str | None = None) -> SessionObserved:
    """What any record of a session says about it. A sub-agent works elsewhere (a worktree), under another model: its
    records keep the session alive and say no more."""
    line = entry.line
    if entry.is_sidechain:
        return SessionObserved(
            sid=entry.sid,
            time=entry.time,
            round=entry.round,
            agent=AGENT,
            version=line.version,
            parent_sid=_parent(entry),
        )
    return SessionObserved(
        sid=entry.sid,
        time=entry.time,
        round=entry.round,
        agent=AGENT,
        cwd=line.cwd,
        git_branch=line.git_branch or None,
        version=line.version,
        model=model,
        metadata=_metadata(line) if line.entrypoint or line.slug or line.team_name else {},
    )


def _metadata(line: Line) -> dict[str, str]:
    told = {"entrypoint": line.entrypoint, "slug": line.slug, "team_name": line.team_name}
    return {name: value for name, value in told.items() if value}


def _parent(entry: Entry) -> str | None:
    """The session whose folder holds the sub-agent's file, when the records name another one."""
    parent = entry.place.session
    return parent if parent and parent != entry.sid else None


def text_of(fields: Fields, name: str) -> str:
    """A text field of a rare record; "" when it is missing or something else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def count_of(fields: Fields, name: str) -> int | None:
    """A number field of a rare record; None when it is missing or something else."""
    value = fields.get(name)
    return count(value)


def object_of(fields: Fields, name: str) -> Fields:
    """An object inside a rare record; empty when it is missing or something else."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
