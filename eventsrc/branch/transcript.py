"""A session of Claude Code up to a position, as a transcript that Claude Code can resume: a fork of the session.

As the agent's own forks do: every record that has a uuid is copied as it is, under another session id, and records
without one (marks of the session, snapshots of files) are not. Sub-agents have files of their own and are left out.

The API refuses a history in which a tool was called and did not answer, or which ends in a thought. Newer versions of
the agent mend that when they resume, older ones do not; so the end is cut back to the last record after which neither
is so. Where the session itself went on after such a call, it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from eventsrc.event import Event
from eventsrc.formats.claude_line import split

PREFIX = "claude_code."
THOUGHTS = ("thinking", "redacted_thinking")


class Transcript(msgspec.Struct, frozen=True):
    """Lines for one file `<session>.jsonl`, without line feeds."""

    session: str
    lines: tuple[bytes, ...]
    cwd: str | None
    """Folder of the session: Claude Code looks for it among the sessions of the folder that it is started in."""
    cut: int
    """Records that were left out at the end, because a tool had not answered yet or a thought was not finished."""
    missing: int
    """Records that name one before them which the log does not hold: what was before that is not remembered."""


class _Block(Struct):
    type: str = ""
    id: str | None = None
    tool_use_id: str | None = None


class _Message(Struct):
    content: str | list[_Block] | None = None


class _Line(Struct, rename="camel"):
    """What has to be known of a record; everything else is passed on unread."""

    type: str = ""
    subtype: str | None = None
    uuid: str | None = None
    parent_uuid: str | None = None
    logical_parent_uuid: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    cwd: str | None = None
    session_id: str | UnsetType = field(default=UNSET)
    message: _Message | None = None

    @property
    def blocks(self) -> list[_Block]:
        content = self.message.content if self.message is not None else None
        return content if isinstance(content, list) else []


def resumable(events: Iterable[Event], session: str) -> Transcript | None:
    """The transcript of one session's events, in order, as the session `session`; None when nothing in them can be
    resumed. A record that stands in the log twice, from a copy of the file, is taken once."""
    known: dict[str, _Line] = {}
    lines: list[bytes] = []
    end = _End()
    for line, data in _records(events):
        if line.uuid is None or line.uuid in known or line.is_sidechain:
            continue
        known[line.uuid] = line
        lines.append(_renamed(data, session))
        end.take(line, len(lines))
    kept = list(known.values())[: end.at]
    if not any(line.type == "assistant" or line.type == "user" for line in kept):
        return None
    uuids = {line.uuid for line in kept}
    parents = [line.parent_uuid or line.logical_parent_uuid for line in kept]
    missing = sum(parent is not None and parent not in uuids for parent in parents)
    cwd = next((line.cwd for line in reversed(kept) if line.cwd), None)
    return Transcript(session, tuple(lines[: end.at]), cwd, len(lines) - end.at, missing)


class _End:
    """Where a transcript may end."""

    def __init__(self) -> None:
        self.at = 0
        """Records up to the last good end."""
        self._open: set[str] = set()
        self._thinks = False

    def take(self, line: _Line, count: int) -> None:
        """One more record, which makes `count`."""
        kinds = {block.type for block in line.blocks}
        if line.type == "assistant":
            self._open |= {block.id for block in line.blocks if block.type == "tool_use" and block.id}
            self._thinks = bool(kinds) and kinds <= set(THOUGHTS)
        elif line.type == "user":
            if "tool_result" not in kinds and not line.is_meta:
                self._open.clear()  # the agent went on without an answer, and resumes over that as it did then
            self._open -= {block.tool_use_id for block in line.blocks if block.tool_use_id}
            self._thinks = False
        if not self._open and not self._thinks:
            self.at = count


def _records(events: Iterable[Event]) -> Iterator[tuple[_Line, bytes]]:
    """The records of events that are lines of a transcript; what cannot be read is none."""
    for event in events:
        if not event.type.startswith(PREFIX):
            continue
        objects = [bytes(event.data)] if event.data_base64 is None else split(event.raw)[0]
        for data in objects:
            try:
                yield msgspec.json.decode(data, type=_Line), data
            except msgspec.DecodeError:
                continue


def _renamed(data: bytes, session: str) -> bytes:
    """The record as it is, byte for byte within its values, of another session."""
    record: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Raw])
    record["sessionId"] = session
    if "session_id" in record:
        record["session_id"] = session
    return msgspec.json.encode(record)
