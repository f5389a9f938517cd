"""Which hooks are asked for, and by which handler each is told.

By the *spool*: a few words of shell that put one file into a folder. They need no service, print nothing and end well
whatever happens, so nothing is lost and nothing is shown while none runs; and they know the agent's process.
By *HTTP*: the agent pushes to a running service; while none runs it shows an error, and the event is lost.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from eventsrc.limits import HOOK_TIMEOUT_SECONDS, SPOOL_FILES

Via: TypeAlias = Literal["spool", "http"]

COMMAND_EVENTS = ("SessionStart", "Setup")
"""Events that the agent tells to commands only."""
HTTP_EVENTS = (
    "SessionEnd",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreToolUse",
    "PermissionRequest",
    "PermissionDenied",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "TaskCreated",
    "TaskCompleted",
    "TeammateIdle",
    "PreCompact",
    "PostCompact",
    "InstructionsLoaded",
    "ConfigChange",
    "CwdChanged",
    "DirectoryAdded",
    "Elicitation",
    "ElicitationResult",
)
"""Left out: `WorktreeCreate` (a hook there takes the place of git), its partner `WorktreeRemove`, `MessageDisplay`
(holds the screen), `FileChanged` (watches nothing without a list of files)."""
SPOOL_EVENTS = (*COMMAND_EVENTS, *HTTP_EVENTS)
AT_ONCE = frozenset(("SessionEnd", "Stop", "StopFailure"))
"""Events after which the agent may end, and with it every command that still runs beside it."""

TAG = "eventsrc-hook"
"""How our handlers are known: the name of the command, and a header."""
SCRIPT = (
    'exec >/dev/null 2>&1; umask 077; [ -d "$1" ] || mkdir -p "$1"; t=$(mktemp "$1/.XXXXXXXXXX") || exit 0; d=$1; '
    f'set -- "$1"/*.json; if [ $# -lt {SPOOL_FILES} ]; then n=${{t##*/.}}; '
    """printf '{"ppid":%s,"hook":' "$PPID" && cat && printf '}'; """
    """else n=full; printf '{"dropped":"hooks, since the spool is full"}'; fi >"$t" && """
    'mv "$t" "$d/$n.json" || rm -f "$t"; exit 0'
)
"""POSIX shell (and `mktemp`): standard input becomes one file of the folder `$1`, whole or not at all. A spool that
nobody empties grows no further than its bound; that something was dropped is then said by a file, too."""


def handlers(via: Via, spool: str, url: str) -> dict[str, dict[str, Any]]:
    """Event → handler, in the order in which they are written. `spool`: the folder; `url`: the endpoint."""
    told = {event: _command(event, spool) for event in (COMMAND_EVENTS if via == "http" else SPOOL_EVENTS)}
    if via == "http":
        told |= {event: _http(url) for event in HTTP_EVENTS}
    return told


def is_ours(handler: Any) -> bool:
    """Whether a handler was put there by `handlers`, of this version or another one."""
    if not isinstance(handler, dict):
        return False
    arguments, headers = handler.get("args"), handler.get("headers")
    named = isinstance(arguments, list) and len(arguments) >= 3 and arguments[0] == "-c" and arguments[2] == TAG
    marked = isinstance(headers, dict) and TAG in headers
    return (handler.get("type") == "command" and named) or (handler.get("type") == "http" and marked)


def via_of(handler: dict[str, Any]) -> Via:
    """How one of our handlers tells."""
    return "http" if handler["type"] == "http" else "spool"


def target_of(handler: dict[str, Any]) -> str:
    """The folder or URL that one of our handlers tells."""
    arguments = handler.get("args")
    return str(handler.get("url", "")) if not isinstance(arguments, list) else str(arguments[3:4] and arguments[3])


def _command(event: str, spool: str) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "command", "command": "/bin/sh", "args": ["-c", SCRIPT, TAG, spool]}
    if event not in AT_ONCE:
        told["async"] = True
    return {**told, "timeout": HOOK_TIMEOUT_SECONDS}


def _http(url: str) -> dict[str, Any]:
    return {"type": "http", "url": url, "headers": {TAG: "1"}, "timeout": HOOK_TIMEOUT_SECONDS}
