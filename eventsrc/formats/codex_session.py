"""Lines about the thread itself: where it comes from, under which settings it goes on, when its context was compacted.

A thread is a session of its own, also that of a sub-agent, whose parent is the thread that spawned it. Forks come in
two kinds: newer ones hold only their own lines, older ones begin with a copy of their parent's, under new times.
"""

from __future__ import annotations

from eventsrc.formats.codex_entry import Entry
from eventsrc.formats.sse_who import Object, object_in, text_in
from eventsrc.plugin import ContextCompacted, Fact, SessionObserved, SessionStarted

_TOLD = ("originator", "model_provider", "thread_source", "history_mode", "agent_nickname", "agent_role")
GENERATED_TITLE = 2


def read_meta(entry: Entry) -> list[Fact]:
    """`session_meta`, the first line of a file. One that names another thread stands in a copied history."""
    meta, who = entry.payload, entry.who
    thread = text_in(meta, "id")
    if entry.place.is_rollout and thread != entry.place.thread:
        return who.activity("session_meta of another thread")
    parent, fork = _parent(meta, thread), text_in(meta, "forked_from_id") or None
    metadata = {name: text for name in _TOLD if (text := text_in(meta, name))}
    if source := text_in(meta, "source"):
        metadata["source"] = source
    if fork:
        metadata["forked_from"] = fork
    observed = SessionObserved(
        **who.fields,
        cwd=text_in(meta, "cwd") or None,
        git_branch=text_in(object_in(meta, "git"), "branch") or None,
        version=text_in(meta, "cli_version") or None,
        parent_sid=parent,
        metadata=metadata,
        copy_of=None if _holds_its_own_only(meta) else fork or parent,
    )
    began = "fork" if fork else "subagent" if parent else "new"
    return [SessionStarted(**who.fields, source=began), observed]


def _parent(meta: Object, thread: str) -> str | None:
    """The thread that spawned this one; older files only name the root of the tree, or say it inside the source."""
    spawned = object_in(object_in(object_in(meta, "source"), "subagent"), "thread_spawn")
    parent = text_in(meta, "parent_thread_id") or text_in(spawned, "parent_thread_id")
    root = text_in(meta, "session_id")
    return parent or (root if root and root != thread else None)


def _holds_its_own_only(meta: Object) -> bool:
    return text_in(meta, "history_mode") == "paginated" or bool(object_in(meta, "history_base"))


def read_context(entry: Entry) -> list[Fact]:
    """`turn_context`: one per turn, or per model call in the oldest files."""
    return [*_settings(entry, entry.payload), *entry.who.activity(entry.name)]


def read_settings(entry: Entry) -> list[Fact]:
    """`thread_settings_applied`."""
    return [*_settings(entry, object_in(entry.payload, "thread_settings")), *entry.who.activity(entry.name)]


def _settings(entry: Entry, settings: Object) -> list[Fact]:
    effort = text_in(settings, "effort") or text_in(settings, "reasoning_effort")
    return [
        SessionObserved(
            **entry.who.fields,
            cwd=text_in(settings, "cwd") or None,
            model=text_in(settings, "model") or None,
            metadata={"effort": effort} if effort else {},
        )
    ]


def read_name(entry: Entry) -> list[Fact]:
    """`thread_name_updated`."""
    title = text_in(entry.payload, "thread_name") or None
    return [SessionObserved(**entry.who.fields, title=title, title_rank=GENERATED_TITLE)]


def read_compacted(entry: Entry) -> list[Fact]:
    """`compacted` and `context_compacted`. The history that stands in its place repeats old messages: none is new."""
    return [ContextCompacted(**entry.who.fields)]
