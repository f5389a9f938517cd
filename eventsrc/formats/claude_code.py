"""Claude Code: the transcripts below `~/.claude/projects`, with sub-agents, workflow journals and the prompt history.

One line per content block, one file per session, further files per sub-agent that carry the session of their parent.
There is no published schema and every version adds to the last, so nothing is required that is not needed, an unknown
type is kept and said, and what retells another record (forks, resumed copies, progress) repeats its ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from eventsrc.formats import claude_envelope
from eventsrc.formats.claude_assistant import read_assistant
from eventsrc.formats.claude_entry import AGENT, Entry, entry_of, kind_of, observed
from eventsrc.formats.claude_line import Line, decode_line, glued_lines
from eventsrc.formats.claude_marker import (
    MARKERS,
    read_agent_meta,
    read_history,
    read_journal,
    read_marker,
    read_snapshot,
    read_summary,
)
from eventsrc.formats.claude_progress import read_progress
from eventsrc.formats.claude_system import ENDS, read_attachment, read_queue_operation, read_system
from eventsrc.formats.claude_user import read_user
from eventsrc.plugin import Envelope, Event, Fact, Record, Shaped, Unknown

_READERS: Mapping[str, Callable[[Entry], list[Fact]]] = {
    "user": read_user,
    "assistant": read_assistant,
    "progress": read_progress,
    "system": read_system,
    "attachment": read_attachment,
    "queue-operation": read_queue_operation,
    "summary": read_summary,
    "file-history-snapshot": read_snapshot,
    "agent_meta": read_agent_meta,
    "journal": read_journal,
    "history": read_history,
    **dict.fromkeys(MARKERS, read_marker),
}

_OF_LINES = {kind: _READERS[kind] for kind in ("user", "assistant", "progress", "file-history-snapshot", "journal")}
_ENDS = {f"{claude_envelope.PREFIX}system.{subtype}": read_system for subtype in ENDS}
"""By kind and by type, those that need nothing of a record but its `Line`."""


class ClaudeCode:
    """Transcripts of Claude Code 1.0 to 2.1, and what later versions add to them."""

    name: ClassVar[str] = "claude_code"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (claude_envelope.PREFIX,)
    shape: ClassVar[type] = Line

    def recognise(self, record: Record) -> Envelope | None:
        """`claude_code.<type>[.<subtype>]`, the session as the subject, the record's own time."""
        return claude_envelope.recognise(record)

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
        """The same for many lines."""
        return claude_envelope.recognise_lines(records, lines)

    def read(self, event: Event) -> list[Fact]:
        """What a record means; of several that were glued together, what each of them means."""
        if event.data_base64 is not None:
            return _read_glued(event)
        data = event.data
        entry = entry_of(event, 0, decode_line(data), data)
        return _READERS.get(entry.kind, _read_unknown)(entry)

    def read_events(
        self, events: Sequence[Event | Shaped[Any] | None], data: Sequence[Line | None]
    ) -> list[list[Fact] | None]:
        """The same for many records; those that are read as a dictionary are left to `read`."""
        return [
            None if line is None or event is None else _of_line(event, line)
            for event, line in zip(events, data, strict=True)
        ]


def _of_line(event: Event | Shaped[Any], line: Line) -> list[Fact] | None:
    read = _OF_LINES.get(kind_of(event.type)) or _ENDS.get(event.type)
    return None if read is None else read(entry_of(event, 0, line, b""))


def _read_glued(event: Event) -> list[Fact]:
    lines, whole = glued_lines(event)
    facts: list[Fact] = []
    for number, (line, data) in enumerate(lines):
        entry = entry_of(event, number, line, data)
        facts += _READERS.get(entry.kind, _read_unknown)(entry)
    if not whole:
        facts.append(Unknown(agent=AGENT, what="the rest of a damaged line"))
    return facts


def _read_unknown(entry: Entry) -> list[Fact]:
    return [observed(entry), Unknown(**entry.common, what=entry.kind)]
