"""Claude Code's hooks: the JSON objects that it passes to whoever asked to hear of its life.

They are evidence of *when*: a prompt was given, a tool began or ended, a person is waited for, a session started. What
was said stands in transcripts and streams. A hook has no time and no sequence number of its own, so its time is the
time of its arrival, and several of one session may arrive out of order.

Two shapes: the object itself (pushed over HTTP), and the object within `{"ppid": …, "hook": …}` (from the spool, whose
writer knows the process that runs hooks: the agent).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import Raw, Struct

from eventsrc.formats.claude_hook import Hook, hook_of
from eventsrc.formats.claude_hook_facts import READERS, observed
from eventsrc.limits import ID_CHARS
from eventsrc.plugin import Envelope, Event, Fact, Record, Unknown, parse_time

PREFIX = "claude_code_hooks."

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SESSION_CHARS = ID_CHARS - len("session/")
_SIGN = b'"hook_event_name"'


class _Head(Struct):
    hook_event_name: str | None = None
    session_id: str | None = None


class _Outer(_Head):
    hook: _Head | None = None
    ppid: Any = None


_OUTER = msgspec.json.Decoder(_Outer)
_FIELDS = msgspec.json.Decoder(dict[str, Raw])


class ClaudeCodeHooks:
    """The events of Claude Code's hooks; unknown ones and unknown fields are kept."""

    name: ClassVar[str] = "claude_code_hooks"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (PREFIX,)

    def recognise(self, record: Record) -> Envelope | None:
        """`claude_code_hooks.<event>`, the session as the subject, the time at which the source got it."""
        if _SIGN not in record.data:
            return None
        try:
            outer = _OUTER.decode(record.data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        head = outer if outer.hook is None else outer.hook
        if not head.hook_event_name or not head.session_id:
            return None
        name = head.hook_event_name if _NAME.fullmatch(head.hook_event_name) else "unknown"
        return Envelope(PREFIX + name, f"session/{head.session_id[:_SESSION_CHARS]}", record.time)

    def read(self, event: Event) -> Sequence[Fact]:
        """What a hook tells; msgspec.DecodeError when it is no object."""
        hook = _hook(event)
        facts: list[Fact] = [observed(hook)]
        reader = READERS.get(hook.name)
        if reader is not None:
            facts += reader(hook)
        else:
            facts.append(Unknown(**hook.common, what=f"hook {hook.name[:64]}"))
        return facts


def _hook(event: Event) -> Hook:
    fields = _FIELDS.decode(event.raw)
    inner, ppid = fields.get("hook"), fields.get("ppid")
    pid = None
    if inner is not None and "hook_event_name" not in fields:
        fields = _FIELDS.decode(inner)
        pid = _pid(ppid)
    return hook_of(fields, pid, parse_time(event.time or event.recordedtime))


def _pid(raw: Raw | None) -> int | None:
    """None for process 1 too: it adopts those whose parent has gone."""
    try:
        pid = msgspec.json.decode(raw, type=int) if raw else 0
    except msgspec.DecodeError:
        return None
    return pid if 1 < pid < 1 << 31 else None
