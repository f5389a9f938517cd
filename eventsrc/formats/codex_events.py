"""`event_msg` lines: turns, tokens, errors, the ends of tool calls.

Which events a file holds changes with every version, and several tell the same fact: each reader gives a fact the ids
that the other records of it have, and what only repeats an item is a sign of life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eventsrc.formats import codex_results
from eventsrc.formats.codex_entry import Entry
from eventsrc.formats.codex_items import is_context, item_in
from eventsrc.formats.codex_session import read_compacted, read_name, read_settings
from eventsrc.formats.codex_usage import token_count
from eventsrc.formats.sse_who import Object, Who, content_text, json_text, number_in, object_in, objects_in, text_in
from eventsrc.plugin import ErrorReported, Fact, PromptSubmitted, RoundEnded, RoundStarted, SessionObserved


def read_event(entry: Entry) -> list[Fact]:
    """One `event_msg`."""
    kind = text_in(entry.payload, "type")
    if kind in _CALLS:
        return _CALLS[kind](entry.who, entry.payload)
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(entry)
    return entry.who.activity(entry.name) if kind in _ALIVE else entry.who.unknown(entry.name)


# --- turns --------------------------------------------------------------------------------------------------------


def _user_message(entry: Entry) -> list[Fact]:
    text = content_text(entry.payload.get("message"))
    if is_context(text):
        return entry.who.activity(entry.name)
    return [PromptSubmitted(**entry.who.fields, prompt=text, prompt_id=entry.identity, voice="event")]


def _task_started(entry: Entry) -> list[Fact]:
    window = number_in(entry.payload, "model_context_window")
    metadata = {} if window is None else {"context_window": str(window)}
    return [RoundStarted(**entry.who.fields), SessionObserved(**entry.who.fields, metadata=metadata)]


def _task_complete(entry: Entry) -> list[Fact]:
    last_text = text_in(entry.payload, "last_agent_message")
    error = object_in(entry.payload, "error")
    if not error:
        return [RoundEnded(**entry.who.fields, outcome="complete", reason="task_complete", last_text=last_text)]
    kind = _error_type(error)
    failed = RoundEnded(**entry.who.fields, outcome="failed", reason=kind, last_text=last_text)
    return [_reported(entry, kind, text_in(error, "message")), failed]


def _turn_aborted(entry: Entry) -> list[Fact]:
    return [RoundEnded(**entry.who.fields, outcome="aborted", reason=text_in(entry.payload, "reason"))]


def _error(entry: Entry) -> list[Fact]:
    """Flat in most builds, in an object of its own in some."""
    error = object_in(entry.payload, "error") or entry.payload
    message = content_text(error.get("message", error))
    return [_reported(entry, _error_type(error), message)]


def _reported(entry: Entry, kind: str, message: str) -> Fact:
    return ErrorReported(**entry.who.fields, error_type=kind, message=message, error_id=entry.identity)


def _error_type(error: Object) -> str:
    """`"context_window_exceeded"`, or the one key of an object with details; older builds have a kind."""
    info = error.get("codex_error_info")
    if isinstance(info, dict):
        return next(iter(info), "error")
    return info if isinstance(info, str) and info else text_in(error, "kind") or "error"


# --- calls and items ----------------------------------------------------------------------------------------------


def _item_completed(entry: Entry) -> list[Fact]:
    kind = text_in(item_in(entry), "type")
    reader = _ITEMS.get(kind)
    if reader is not None:
        return reader(entry)
    name = f"{entry.name}/{kind}"
    return entry.who.activity(name) if kind in _KNOWN_ITEMS else entry.who.unknown(name)


def _user_message_item(entry: Entry) -> list[Fact]:
    item = item_in(entry)
    text = content_text([part for part in objects_in(item, "content") if "text" in part])
    prompt_id = text_in(item, "id") or entry.identity
    return [PromptSubmitted(**entry.who.fields, prompt=text, prompt_id=prompt_id, voice="event")]


def _command_execution(entry: Entry) -> list[Fact]:
    item = item_in(entry)
    exit_code = number_in(item, "exit_code")
    failed = exit_code != 0 if exit_code is not None else _failed(item)
    return _ended(entry, text_in(item, "aggregated_output"), failed)


def _file_change(entry: Entry) -> list[Fact]:
    item = item_in(entry)
    return _ended(entry, text_in(item, "stdout") + text_in(item, "stderr"), _failed(item))


def _mcp_tool_call(entry: Entry) -> list[Fact]:
    item = item_in(entry)
    result, error = object_in(item, "result"), item.get("error")
    is_error = bool(error) or result.get("isError") is True or _failed(item) is True
    return _ended(entry, content_text(error or result.get("content")), is_error)


def _collab_call(entry: Entry) -> list[Fact]:
    """Which thread a call set to work: its file names the parent thread, and this names the call."""
    item = item_in(entry)
    threads = item.get("receiver_thread_ids")
    spawned = threads if isinstance(threads, list) and text_in(item, "tool") == "spawn_agent" else []
    links = {f"agent.{thread}.tool_use_id": text_in(item, "id") for thread in spawned if isinstance(thread, str)}
    return [SessionObserved(**entry.who.fields, metadata=links), *entry.who.activity(entry.name)]


def _ended(entry: Entry, content: str, is_error: bool | None) -> list[Fact]:
    """The item's id is that of the call. It was measured, or it tells when it began and ended."""
    item = item_in(entry)
    began, over = number_in(entry.payload, "started_at_ms"), number_in(entry.payload, "completed_at_ms")
    duration = item.get("duration")
    if not isinstance(duration, dict) and began and over:
        duration = {"nanos": (over - began) * 1_000_000}
    payload: Object = {"call_id": text_in(item, "id"), "duration": duration}
    return codex_results.ended(entry.who, payload, content, is_error)


def _failed(item: Object) -> bool | None:
    return {"completed": False, "failed": True, "declined": True}.get(text_in(item, "status"))


def _web_search_end(who: Who, payload: Object) -> list[Fact]:
    return codex_results.ended(who, payload, json_text(payload.get("results", payload.get("action"))), None)


def _dynamic_tool_end(who: Who, payload: Object) -> list[Fact]:
    success = payload.get("success")
    content = content_text(payload.get("error") or payload.get("content_items"))
    return codex_results.ended(who, payload, content, not success if isinstance(success, bool) else None)


_CALLS: Mapping[str, Callable[[Who, Object], list[Fact]]] = {
    "token_count": token_count,
    "exec_command_end": codex_results.exec_end,
    "patch_apply_end": codex_results.patch_apply_end,
    "mcp_tool_call_end": codex_results.mcp_tool_call_end,
    "web_search_end": _web_search_end,
    "dynamic_tool_call_response": _dynamic_tool_end,
}

_READERS: Mapping[str, Callable[[Entry], list[Fact]]] = {
    "user_message": _user_message,
    "task_started": _task_started,
    "task_complete": _task_complete,
    "turn_aborted": _turn_aborted,
    "error": _error,
    "stream_error": _error,
    "item_completed": _item_completed,
    "context_compacted": read_compacted,
    "thread_name_updated": read_name,
    "thread_settings_applied": read_settings,
}

_ITEMS: Mapping[str, Callable[[Entry], list[Fact]]] = {
    "UserMessage": _user_message_item,
    "CommandExecution": _command_execution,
    "FileChange": _file_change,
    "McpToolCall": _mcp_tool_call,
    "CollabAgentToolCall": _collab_call,
}

_KNOWN_ITEMS = frozenset(
    {
        "AgentMessage",
        "ContextCompaction",
        "DynamicToolCall",
        "EnteredReviewMode",
        "ExitedReviewMode",
        "Extension",
        "ImageGeneration",
        "ImageView",
        "Plan",
        "Reasoning",
        "Sleep",
        "SubAgentActivity",
        "WebSearch",
    }
)

_ALIVE = frozenset(
    {
        "agent_message",
        "agent_reasoning",
        "agent_reasoning_raw_content",
        "collab_agent_interaction_end",
        "collab_agent_spawn_end",
        "collab_close_end",
        "collab_resume_end",
        "collab_waiting_end",
        "dynamic_tool_call_request",
        "entered_review_mode",
        "exited_review_mode",
        "guardian_assessment",
        "image_generation_end",
        "sub_agent_activity",
        "thread_goal_updated",
        "thread_rolled_back",
        "undo_completed",
        "view_image_tool_call",
        "warning",
    }
)
