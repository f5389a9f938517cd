"""Claude Code's transcripts: one JSON object a line, one finished block an assistant line, sub-agents in own files.

* Event types are `claude_code.<type>[.<subtype>]`; the stream is the session that a record names, else the one that its
  file is named after.
* One API response is several lines that repeat its usage: `UsageReported` with rule `largest`, named by the message id.
* `uuid` identifies a record across copies (forks, resumes): prompts, blocks and results carry it.
* A record of a sub-agent carries its parent's session id, so it makes no session of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from eventsrc.formats.claude_records import facts_of
from eventsrc.plugin import Envelope, Event, Fact, Record

_TYPES = frozenset(
    [
        "user",
        "assistant",
        "system",
        "progress",
        "attachment",
        "file-history-snapshot",
        "summary",
        "queue-operation",
        "permission-mode",
        "last-prompt",
        "mode",
        "worktree-state",
        "ai-title",
        "custom-title",
        "agent-name",
        "agent-setting",
        "relocated",
        "bridge-session",
        "pr-link",
        "frame-link",
        "tag",
        "checkpoint",
    ]
)
"""Types of transcript lines. Others are taken when a record looks like one all the same."""
_SESSION_FILE = re.compile(r"/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.jsonl$|/)")
_META_FILE = re.compile(r"/agent-[^/]*\.meta\.json$")
_NAME = re.compile(r"[^a-z0-9_-]+")


class _Data(msgspec.Struct, gc=False):
    type: Any = None


class _Head(msgspec.Struct, gc=False):
    """What the envelope needs; what may be large is left unread."""

    type: Any = None
    subtype: Any = None
    sessionId: Any = None  # noqa: N815
    timestamp: Any = None
    uuid: Any = None
    leafUuid: Any = None  # noqa: N815
    messageId: Any = None  # noqa: N815
    costUSD: Any = None  # noqa: N815
    agentType: Any = None  # noqa: N815
    agentId: Any = None  # noqa: N815
    data: msgspec.Raw = msgspec.Raw()
    event: Any = None
    specversion: Any = None


_head = msgspec.json.Decoder(_Head).decode
_data = msgspec.json.Decoder(_Data).decode


class ClaudeCode:
    """Recognises and reads transcripts of every version seen."""

    name: ClassVar[str] = "claude_code"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = ("claude_code.",)

    def recognise(self, record: Record) -> Envelope | None:
        """The envelope of a transcript line, a sub-agent's meta file or a line of a workflow journal."""
        data = record.data
        if data[:1] != b"{":
            return None
        head = _first_head(data)
        if head is None or head.event is not None or head.specversion is not None:
            return None
        kind = _kind(head, record.source)
        if kind is None:
            return None
        session = head.sessionId if isinstance(head.sessionId, str) and head.sessionId else _session_of(record.source)
        subject = f"session/{session}" if session else f"source/{record.source.removeprefix('file://')}"
        time = head.timestamp if isinstance(head.timestamp, str) and _has_zone(head.timestamp) else None
        return Envelope(f"claude_code.{kind}", subject[:1000], time)

    def read(self, event: Event) -> Sequence[Fact]:
        """What a record means; of two that are glued together, what both mean."""
        raw = event.raw
        found: list[Fact] = []
        session = event.subject.removeprefix("session/") if event.subject.startswith("session/") else ""
        for number, record in enumerate(_objects(raw)):
            key = record.get("uuid")
            identity = key if isinstance(key, str) and key else f"{event.source}#{event.id}.{number}"
            found += facts_of(record, event.type, session, identity)
        return found


def _first_head(data: bytes) -> _Head | None:
    try:
        return _head(data)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        glued = data.find(b"}{")
        while glued > 0:
            try:
                return _head(data[: glued + 1])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                glued = data.find(b"}{", glued + 1)
        return None


def _kind(head: _Head, source: str) -> str | None:
    """The rest of the event type; None when this is not a record of Claude Code."""
    kind, subtype = head.type, head.subtype
    if isinstance(kind, str) and kind in _TYPES:
        if kind == "progress":
            subtype = _data_type(head)
        if kind in ("user", "assistant") and not (head.uuid or head.sessionId):
            return None
        return f"{kind}.{_plain(subtype)}" if isinstance(subtype, str) and subtype else kind
    if head.costUSD is not None and kind is None:
        return "legacy"
    if kind in ("started", "result") and head.agentId is not None and source.endswith("/journal.jsonl"):
        return "journal"
    if isinstance(head.agentType, str) and _META_FILE.search(source):
        return "agent_meta"
    if isinstance(kind, str) and isinstance(head.uuid, str) and isinstance(head.sessionId, str):
        return f"other.{_plain(kind)}"
    return None


def _data_type(head: _Head) -> Any:
    try:
        return _data(head.data).type if bytes(head.data) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _plain(text: str) -> str:
    return _NAME.sub("_", text.lower())[:64]


def _session_of(source: str) -> str | None:
    found = _SESSION_FILE.search(source)
    return found[1] if found else None


def _has_zone(text: str) -> bool:
    return len(text) < 40 and (text.endswith("Z") or text[-6:-5] in ("+", "-"))


def _objects(raw: bytes) -> list[dict[str, Any]]:
    """The objects of one line; raises msgspec.DecodeError when it holds none."""
    try:
        record = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return _glued(raw)
    return [record] if isinstance(record, dict) else []


def _glued(raw: bytes) -> list[dict[str, Any]]:
    start, at, found = 0, raw.find(b"}{"), []
    while at > 0:
        try:
            found.append(msgspec.json.decode(raw[start : at + 1]))
            start = at + 1
        except msgspec.DecodeError:
            pass  # the braces stand inside of a string
        at = raw.find(b"}{", at + 1)
    found.append(msgspec.json.decode(raw[start:]))
    return [record for record in found if isinstance(record, dict)]
