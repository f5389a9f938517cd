"""What became of the hooks that were installed: which wait in the spool, and when which event was told last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsrc.clock import parse_time
from eventsrc.formats.claude_code_hooks import PREFIX
from eventsrc.http.client import Client
from eventsrc.limits import HOOKS_LOOKED_AT
from eventsrc.log import LogReader


def hook_spool(data: Path) -> Path:
    """Where Claude Code's hooks are put while nobody needs to run; see `eventsrc hooks`."""
    return data / "spool" / "claude-code"


def hooks_told(data: Path) -> dict[str, Any]:
    """`{"spool", "spool_waiting", "service_running", "last"}`; `last` is event → seconds since the epoch, among the
    newest events of the log. Blocks; needs no service and no log."""
    spool = hook_spool(data)
    waiting = sum(1 for path in spool.glob("*.json") if path.name[0] != ".") if spool.is_dir() else 0
    return {
        "spool": str(spool),
        "spool_waiting": waiting,
        "service_running": Client(data / "eventsrc.sock").running(),
        "last": _last(data) if (data / "log").is_dir() else {},
    }


def _last(data: Path) -> dict[str, float]:
    """Looks at the newest events only: a log is long, and a hook that was told long ago is told no more."""
    reader = LogReader(data)
    head = reader.head()
    after = max(0, head - HOOKS_LOOKED_AT)
    found: dict[str, float] = {}
    while after < head:
        events = reader.read(after, until=head)
        for event in events:
            if event.type.startswith(PREFIX):
                when = parse_time(event.time or event.recordedtime) or 0.0
                name = event.type.removeprefix(PREFIX)
                found[name] = max(when, found.get(name, 0.0))
        after = events[-1].position
    return found
