"""What each hook means. Of a round: `prompt_id` names it. Every end may be missing: nothing tells of an interrupt."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eventsrc.formats.claude_hook import Hook
from eventsrc.formats.claude_user import agent_metadata
from eventsrc.plugin import (
    Activity,
    ContextCompacted,
    ErrorReported,
    Fact,
    PromptSubmitted,
    RoundEnded,
    SessionEnded,
    SessionObserved,
    SessionStarted,
    ToolCallEnded,
    ToolCallStarted,
    Waiting,
)

ASKS = {"AskUserQuestion": "question", "ExitPlanMode": "plan"}
"""Tools that run as long as a person takes to answer."""

NEEDS = {
    "permission_prompt": "permission",
    "elicitation_dialog": "elicitation",
    "elicitation_url_dialog": "elicitation",
    "agent_needs_input": "question",
}
"""Kinds of notices that say that a person is waited for, and what for."""

QUIET = (
    "ConfigChange",
    "DirectoryAdded",
    "FileChanged",
    "InstructionsLoaded",
    "MessageDisplay",
    "PostToolBatch",
    "PreCompact",
    "Setup",
    "SubagentStop",
    "TaskCompleted",
    "TaskCreated",
    "TeammateIdle",
    "UserPromptExpansion",
    "WorktreeCreate",
    "WorktreeRemove",
)
"""Events that are a sign of life and no more."""


def observed(hook: Hook) -> Fact:
    """What any hook says about its session. A sub-agent works elsewhere; its hooks keep the session alive."""
    if hook.text("agent_id"):
        return SessionObserved(**hook.common)
    mode = hook.text("permission_mode")
    return SessionObserved(
        **hook.common, cwd=hook.text("cwd") or None, metadata={"permission_mode": mode} if mode else {}
    )


def _session_start(hook: Hook) -> list[Fact]:
    """After a compaction the same run goes on."""
    title, source = hook.text("session_title"), hook.text("source")
    facts: list[Fact] = [
        SessionObserved(**hook.common, model=hook.text("model") or None, title=title or None, title_rank=2)
    ]
    if source == "compact":
        return [*facts, Activity(**hook.common, what="SessionStart")]
    return [*facts, SessionStarted(**hook.common, source=source)]


def _session_end(hook: Hook) -> list[Fact]:
    return [SessionEnded(**hook.common, reason=hook.text("reason"))]


def _prompt(hook: Hook) -> list[Fact]:
    """The same text stands in the transcript, with an identity; a command stands there differently."""
    text = hook.text("prompt")
    if hook.text("agent_id"):
        return [Activity(**hook.common, what="UserPromptSubmit")]
    kind = "command" if text.startswith("/") else "notification" if text.startswith("<task-notification>") else "prompt"
    return [PromptSubmitted(**hook.common, prompt=text, kind=kind, voice="hook")]


def _stop(hook: Hook) -> list[Fact]:
    """An end that a later tool of the same prompt takes back: another hook may make the agent go on."""
    last = hook.text("last_assistant_message")
    background = str(hook.length("background_tasks") + hook.length("session_crons"))
    return [
        SessionObserved(**hook.common, metadata={"background": background}),
        RoundEnded(**hook.common, outcome="complete", reason="stop", explicit=False, last_text=last),
    ]


def _stop_failure(hook: Hook) -> list[Fact]:
    error = hook.text("error") or "unknown"
    message = hook.text("error_details") or hook.text("last_assistant_message")
    return [
        ErrorReported(**hook.common, error_type=error, message=message),
        RoundEnded(**hook.common, outcome="failed", reason=error, explicit=False),
    ]


def _subagent_start(hook: Hook) -> list[Fact]:
    metadata = agent_metadata(hook.text("agent_id"), agent_type=hook.text("agent_type"))
    return [SessionObserved(**hook.common, metadata=metadata if hook.text("agent_id") else {})]


def _tool_begins(hook: Hook) -> list[Fact]:
    tool, call = hook.text("tool_name"), hook.text("tool_use_id")
    if not call:
        return [Activity(**hook.common, what="PreToolUse")]
    agent = hook.text("agent_id") or None
    facts: list[Fact] = [
        ToolCallStarted(
            **hook.common, tool_use_id=call, tool_name=tool, tool_input=hook.json("tool_input"), agent_id=agent
        )
    ]
    if tool in ASKS:
        facts.append(Waiting(**hook.common, waiting=True, reason=ASKS[tool], tool_use_id=call))
    return facts


def _tool_ends(hook: Hook, outcome: str, error: str = "") -> list[Fact]:
    call = hook.text("tool_use_id")
    if not call:
        return [Activity(**hook.common, what=hook.name)]
    facts: list[Fact] = [
        ToolCallEnded(
            **hook.common,
            tool_use_id=call,
            outcome=outcome,
            tool_name=hook.text("tool_name"),
            duration_ms=hook.number("duration_ms"),
            error=error,
        )
    ]
    child = hook.inner("tool_response", "agentId")
    if child:
        facts.append(SessionObserved(**hook.common, metadata=agent_metadata(child, call)))
    return facts


def _tool_failed(hook: Hook) -> list[Fact]:
    return _tool_ends(hook, "interrupted" if hook.true("is_interrupt") else "error", hook.text("error"))


def _permission(hook: Hook) -> list[Fact]:
    """Names no call: the one of that tool with that input is meant."""
    tool = hook.text("tool_name")
    reason = ASKS.get(tool) or f"permission: {tool}".rstrip(": ")
    return [
        Waiting(**hook.common, waiting=True, reason=reason, tool_name=tool, tool_input=hook.json("tool_input")),
    ]


def _notice(hook: Hook) -> list[Fact]:
    """An idle agent whose round is open was interrupted: of that nothing else tells."""
    kind = hook.text("notification_type")
    if kind in NEEDS:
        return [Waiting(**hook.common, waiting=True, reason=NEEDS[kind])]
    if kind in ("elicitation_complete", "elicitation_response"):
        return [Waiting(**hook.common, waiting=False)]
    if kind == "idle_prompt":
        return [RoundEnded(**hook.common, outcome="aborted", reason="idle", explicit=False)]
    return [Activity(**hook.common, what=f"Notification {kind[:64]}".rstrip())]


def _elicitation(hook: Hook) -> list[Fact]:
    server = hook.text("mcp_server_name")
    return [Waiting(**hook.common, waiting=True, reason=f"elicitation: {server}".rstrip(": "))]


def _compacted(hook: Hook) -> list[Fact]:
    return [ContextCompacted(**hook.common, trigger=hook.text("trigger"))]


def _moved(hook: Hook) -> list[Fact]:
    return [SessionObserved(**hook.common, cwd=hook.text("new_cwd") or None)]


READERS: Mapping[str, Callable[[Hook], list[Fact]]] = {
    "SessionStart": _session_start,
    "SessionEnd": _session_end,
    "UserPromptSubmit": _prompt,
    "Stop": _stop,
    "StopFailure": _stop_failure,
    "SubagentStart": _subagent_start,
    "PreToolUse": _tool_begins,
    "PostToolUse": lambda hook: _tool_ends(hook, "success"),
    "PostToolUseFailure": _tool_failed,
    "PermissionRequest": _permission,
    "PermissionDenied": lambda hook: _tool_ends(hook, "denied", hook.text("reason")),
    "Notification": _notice,
    "Elicitation": _elicitation,
    "ElicitationResult": lambda hook: [Waiting(**hook.common, waiting=False)],
    "PostCompact": _compacted,
    "CwdChanged": _moved,
    **dict.fromkeys(QUIET, lambda hook: [Activity(**hook.common, what=hook.name)]),
}
