"""Calls of Codex's tools and their results, from rollouts and from instrumented streams alike.

One call has one `call_id` in every record about it, and two kinds of records bring its result: what the model was
shown, and what the tool's own end says of it (exit code, duration). Both are one result, by that id.
"""

from __future__ import annotations

import re

import msgspec

from eventsrc.formats.sse_who import Object, Who, content_text, number_in, object_in, text_in
from eventsrc.plugin import BlockReceived, Fact, ToolResultReceived

_EXIT_CODE = re.compile(r"(?:Process exited with code|Exit code:) (-?\d{1,9})")
_HEADER_LINES = 6  # an output begins with a few lines about the run; further down stands what the tool wrote


def call_received(who: Who, item: Object) -> BlockReceived:
    """A whole tool call. The item's own id (`fc_…`) names the message, the call id names the call. The input is JSON
    but for custom tools, which take any text (a patch)."""
    call_id = text_in(item, "call_id") or text_in(item, "id")
    given = [item[key] for key in ("arguments", "input", "action", "operation") if key in item]
    return BlockReceived(
        **who.fields,
        message_id=text_in(item, "id") or call_id,
        key=call_id,
        block_type="tool_use",
        content=content_text(given[0]) if given else "",
        tool_use_id=call_id,
        tool_name=call_name(item),
    )


def call_name(item: Object) -> str:
    """The tool, after its namespace where it has one; built-in ones are named by the type of their item:
    `local_shell_call` → `local_shell`."""
    name = text_in(item, "name") or text_in(item, "type").removesuffix("_call")
    namespace = text_in(item, "namespace")
    return f"{namespace}.{name}" if namespace else name


def call_output(who: Who, call_id: str, output: object) -> Fact:
    """What the model saw. Whether it went well stands in the output itself, if anywhere."""
    is_error: bool | None = None
    if isinstance(output, dict):
        success = output.get("success")
        is_error = not success if isinstance(success, bool) else None
        output = output.get("content", output.get("body", output.get("text", output)))
    content = content_text(output)
    exit_code, seconds = _run_of(content)
    return ToolResultReceived(
        **who.fields,
        tool_use_id=call_id,
        content=content,
        is_error=is_error if exit_code is None else exit_code != 0,
        result_id=f"{call_id}/output",
        duration_ms=None if seconds is None else round(seconds * 1000, 3),
    )


def exec_end(who: Who, payload: Object) -> list[Fact]:
    """A command ended."""
    exit_code = number_in(payload, "exit_code")
    output = text_in(payload, "aggregated_output") or text_in(payload, "formatted_output")
    return ended(who, payload, output or _both_outputs(payload), None if exit_code is None else exit_code != 0)


def patch_apply_end(who: Who, payload: Object) -> list[Fact]:
    """A patch was applied, or not."""
    success = payload.get("success")
    return ended(who, payload, _both_outputs(payload), not success if isinstance(success, bool) else None)


def mcp_tool_call_end(who: Who, payload: Object) -> list[Fact]:
    """A tool of an MCP server answered."""
    result = object_in(payload, "result")
    if "Err" in result:
        return ended(who, payload, content_text(result["Err"]), True)
    answer = object_in(result, "Ok") or result
    is_error = answer.get("isError", answer.get("is_error", False))
    return ended(who, payload, content_text(answer.get("content")), is_error is True)


def ended(who: Who, payload: Object, content: str, is_error: bool | None) -> list[Fact]:
    """The end of a call; ValueError when the record does not name the call."""
    call_id = text_in(payload, "call_id")
    if not call_id:
        raise ValueError("the end of a tool call without its call_id")
    return [
        ToolResultReceived(
            **who.fields,
            tool_use_id=call_id,
            content=content,
            is_error=is_error,
            result_id=f"{call_id}/end",
            duration_ms=_milliseconds(payload.get("duration")),
        )
    ]


def _both_outputs(payload: Object) -> str:
    return text_in(payload, "stdout") + text_in(payload, "stderr")


def _milliseconds(duration: object) -> float | None:
    """`{"secs": 1, "nanos": 500000000}` → 1500.0."""
    if not isinstance(duration, dict):
        return None
    seconds, nanos = number_in(duration, "secs"), number_in(duration, "nanos")
    return None if seconds is None and nanos is None else (seconds or 0) * 1000 + (nanos or 0) / 1e6


class _Metadata(msgspec.Struct):
    exit_code: int | None = None
    duration_seconds: float | None = None


class _Run(msgspec.Struct):
    metadata: _Metadata
    output: str = ""


_decode_run = msgspec.json.Decoder(_Run).decode


def _run_of(content: str) -> tuple[int | None, float | None]:
    """Exit code and seconds that an output tells of its command: in JSON around it, or in lines before it."""
    if content.startswith("{"):
        try:
            run = _decode_run(content).metadata
        except (msgspec.DecodeError, RecursionError):
            return None, None
        return run.exit_code, run.duration_seconds
    for line in content.split("\n", _HEADER_LINES)[:_HEADER_LINES]:
        if found := _EXIT_CODE.fullmatch(line.rstrip("\r")):
            return int(found[1]), None
    return None, None
