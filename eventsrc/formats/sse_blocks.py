"""Content blocks of the Messages API as their start records give them; types that nobody knows keep their content."""

from __future__ import annotations

from eventsrc.formats.sse_who import Object, Who, content_text, json_text, text_in
from eventsrc.plugin import BlockStarted, Fact, ToolResultReceived


def block_started(who: Who, flow: Object, index: int, block: Object) -> list[Fact]:
    """A block's start record, with what it already holds; `flow` names its message."""
    kind = text_in(block, "type")
    is_call = kind.endswith("tool_use")
    started = BlockStarted(
        **who.fields,
        **flow,
        index=index,
        block_type=kind,
        tool_use_id=text_in(block, "id") or None if is_call else None,
        tool_name=text_in(block, "name") or None if is_call else None,
        text=_start_text(kind, block),
    )
    return [started, *_server_result(who, block)]


def _start_text(kind: str, block: Object) -> str:
    if kind.endswith("tool_use"):
        call = block.get("input")
        return json_text(call) if call else ""  # `{}` stands for "follows in pieces"
    for field in ("text", "thinking", "data"):
        if field in block:
            return text_in(block, field)
    rest = {key: value for key, value in block.items() if key != "type"}
    return content_text(rest["content"]) if "content" in rest else json_text(rest) if rest else ""


def _server_result(who: Who, block: Object) -> list[Fact]:
    """A tool that runs on the server answers with a block of the same message, whole at its start."""
    tool_use_id = text_in(block, "tool_use_id")
    if not tool_use_id:
        return []
    content = block.get("content")
    is_error = block.get("is_error")
    if isinstance(content, dict) and text_in(content, "type").endswith("_error"):
        is_error = True
    return [
        ToolResultReceived(
            **who.fields,
            tool_use_id=tool_use_id,
            content=content_text(content),
            is_error=is_error if isinstance(is_error, bool) else None,
            result_id=tool_use_id,
        )
    ]
