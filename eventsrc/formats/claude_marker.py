"""Records beside the talk: titles, modes, links, snapshots, and the files that describe sub-agents and workflows.

Markers have no identity and mostly no time; the last one wins.
"""

from __future__ import annotations

from eventsrc.formats.claude_entry import Entry, Fields, object_of, text_of
from eventsrc.formats.claude_user import agent_metadata
from eventsrc.plugin import Activity, Fact, SessionObserved

_METADATA = {
    "permission-mode": {"permissionMode": "permission_mode"},
    "mode": {"mode": "mode"},
    "last-prompt": {"lastPrompt": "last_prompt"},
    "agent-name": {"agentName": "agent_name"},
    "agent-setting": {"agentSetting": "agent_setting"},
    "tag": {"tag": "tag"},
    "bridge-session": {"bridgeSessionId": "bridge_session_id"},
    "pr-link": {"prUrl": "pr_url", "prRepository": "pr_repository"},
    "frame-link": {"frameUrl": "frame_url"},
}
"""Type → field of the record → key of the session's metadata."""

TITLES = {"custom-title": ("customTitle", 3), "ai-title": ("aiTitle", 2)}
"""Type → field of the record, rank."""

MARKERS = {*_METADATA, *TITLES, "relocated", "worktree-state", "checkpoint"}


def read_marker(entry: Entry) -> list[Fact]:
    """What a marker says about its session."""
    fields = entry.fields()
    if entry.kind in TITLES:
        field, rank = TITLES[entry.kind]
        return [SessionObserved(**entry.common, title=text_of(fields, field) or None, title_rank=rank)]
    if entry.kind == "relocated":
        return [SessionObserved(**entry.common, cwd=text_of(fields, "relocatedCwd") or None)]
    if entry.kind == "worktree-state":
        return [SessionObserved(**entry.common, metadata=_worktree(object_of(fields, "worktreeSession")))]
    told = {key: text_of(fields, field) for field, key in _METADATA.get(entry.kind, {}).items()}
    return [SessionObserved(**entry.common, metadata={key: value for key, value in told.items() if value})]


def _worktree(told: Fields) -> dict[str, str]:
    """Empty when the session has left its worktree; the original folder is what `cwd` was before."""
    named = {"worktreePath": "worktree_path", "worktreeBranch": "worktree_branch", "originalCwd": "original_cwd"}
    return {key: text_of(told, field) for field, key in named.items() if text_of(told, field)}


def read_summary(entry: Entry) -> list[Fact]:
    """A title for the session that holds record `leafUuid`, which is often another one than that of the file: so the
    session stays unnamed here unless the record names it, and `title_of` tells how to find it."""
    fields = entry.fields()
    common = entry.common | {"sid": entry.line.session_id or ""}
    title, leaf = text_of(fields, "summary"), text_of(fields, "leafUuid")
    return [SessionObserved(**common, title=title or None, title_rank=1, title_of=leaf)]


def read_snapshot(entry: Entry) -> list[Fact]:
    """Files were backed up. Some files hold nothing else: they are no sessions, so none is named."""
    return [Activity(**(entry.common | {"sid": entry.line.session_id or ""}), what=entry.kind)]


def read_agent_meta(entry: Entry) -> list[Fact]:
    """The description beside a sub-agent's transcript."""
    fields = entry.fields()
    if not entry.agent_id or not entry.sid:
        return [Activity(**entry.common, what="agent_meta")]
    metadata = agent_metadata(
        entry.agent_id, text_of(fields, "toolUseId"), text_of(fields, "agentType"), text_of(fields, "description")
    )
    return [SessionObserved(**entry.common, metadata=metadata)]


def read_journal(entry: Entry) -> list[Fact]:
    """An agent of a workflow started or ended; its transcript tells the rest."""
    return [Activity(**entry.common, what=f"journal.{entry.line.type}")]


def read_history(entry: Entry) -> list[Fact]:
    """A prompt as it was typed. The transcript has it again, with an identity: there it opens its round."""
    return [Activity(**entry.common, what="history")]
