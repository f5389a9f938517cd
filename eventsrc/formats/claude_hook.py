"""One hook of Claude Code: its fields, read one by one, so that a field that drifted spoils no other."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

AGENT = "claude_code"


class Hook(Struct, frozen=True):
    """A hook, and what all its facts have in common."""

    name: str
    fields: dict[str, Raw]
    common: dict[str, Any]
    """`sid`, `time`, `pid`, `round`, `agent`: the same for every fact of the hook."""

    def text(self, name: str) -> str:
        """A text field; "" when it is missing or something else."""
        value = self._value(name)
        return value if isinstance(value, str) else ""

    def json(self, name: str) -> str:
        """A field as JSON text, as it was written; "" when it is missing."""
        raw = self.fields.get(name)
        return bytes(raw).decode("utf-8", "replace").strip() if raw else ""

    def number(self, name: str) -> float | None:
        """A number; None when it is missing or something else."""
        value = self._value(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def true(self, name: str) -> bool:
        """Whether a field is there and true."""
        return self._value(name) is True

    def length(self, name: str) -> int:
        """How many elements a list has; 0 when it is missing or something else."""
        value = self._value(name)
        return len(value) if isinstance(value, list) else 0

    def inner(self, name: str, field: str) -> str:
        """A text inside an object field; "" when it is not there."""
        value = self._value(name)
        found = value.get(field) if isinstance(value, dict) else None
        return found if isinstance(found, str) else ""

    def _value(self, name: str) -> Any:
        raw = self.fields.get(name)
        return msgspec.json.decode(raw) if raw else None


def hook_of(fields: dict[str, Raw], pid: int | None, time: float | None) -> Hook:
    """A hook of these fields, run by the process `pid`, that arrived at `time`."""
    bare = Hook("", fields, {})
    common = {"sid": bare.text("session_id"), "time": time, "pid": pid, "round": bare.text("prompt_id"), "agent": AGENT}
    return Hook(bare.text("hook_event_name"), fields, common)
