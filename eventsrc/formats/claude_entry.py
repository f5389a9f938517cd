"""One transcript record in its circumstances, and what every record says about its session."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from eventsrc.formats.claude_envelope import PREFIX, seconds_of, session_of
from eventsrc.formats.claude_line import Line, decode_object
from eventsrc.formats.claude_place import Place, place_of
from eventsrc.formats.counting import count
from eventsrc.plugin import Event, SessionObserved

AGENT = "claude_code"
Fields: TypeAlias = dict[str, Any]
"""What a fact is made with by name, or a rare record as a dictionary."""


class Entry(msgspec.Struct, frozen=True):
    """A record, where it stands, and what all its facts have in common."""

    line: Line
    data: bytes | Raw
    kind: str
    """`user`, `assistant`, `system` …; for records without a type, what they are."""
    place: Place
    identity: str
    """`uuid`, or the place in the source when the record has none."""
    is_sidechain: bool
    agent_id: str | None
    common: Fields
    """`sid`, `time`, `round`, `agent`: the same for every fact of the record."""

    @property
    def sid(self) -> str:
        return str(self.common["sid"])

    def fields(self) -> Fields:
        """The whole record, for types too rare for a struct of their own."""
        return decode_object(self.data)


def entry_of(event: Event, number: int, line: Line, data: bytes | Raw) -> Entry:
    """Record number `number` of the event."""
    place = place_of(event.source)
    kind = event.type.removeprefix(PREFIX).split(".")[0] if number == 0 else line.type or ""
    is_sidechain = line.is_sidechain is True or place.agent_id is not None
    common = {
        "sid": session_of(line.session_id, kind, event.source),
        "time": seconds_of(line.timestamp),
        "round": line.prompt_id or "",
        "agent": AGENT,
    }
    identity = line.uuid or f"{event.source}#{event.id}/{number}"
    return Entry(line, data, kind, place, identity, is_sidechain, line.agent_id or place.agent_id, common)


def observed(entry: Entry, model: str | None = None) -> SessionObserved:
    """What any record of a session says about it. A sub-agent works elsewhere (a worktree), under another model: its
    records keep the session alive and say no more."""
    line = entry.line
    if entry.is_sidechain:
        return SessionObserved(**entry.common, version=line.version, parent_sid=_parent(entry))
    metadata = {}
    if line.entrypoint:
        metadata["entrypoint"] = line.entrypoint
    if line.slug:
        metadata["slug"] = line.slug
    if line.team_name:
        metadata["team_name"] = line.team_name
    return SessionObserved(
        **entry.common,
        cwd=line.cwd,
        git_branch=line.git_branch or None,
        version=line.version,
        model=model,
        metadata=metadata,
    )


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
