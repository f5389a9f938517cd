"""`response_item` lines: what the model was given and what it answered, one item each.

An item is a message of its own, as in the instrumented streams, which share its id: the same item from both is one row.
The same texts also stand in events (`agent_message`, `item_completed` …): those are signs of life here.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventsrc.formats.codex_entry import Entry
from eventsrc.formats.codex_results import call_output, call_received
from eventsrc.formats.sse_who import Object, content_text, object_in, objects_in, text_in
from eventsrc.plugin import BlockReceived, Fact, MessageEnded, MessageStarted, PromptSubmitted

_CONTEXT = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions",
    "<skills_instructions>",
    "<subagent_notification>",
    "<turn_aborted>",
    "<user_action>",
    "<INSTRUCTIONS>",
    "# AGENTS.md",
)
"""How texts begin that the CLI, not a person, puts on the user's side."""
_TEXTS = frozenset({"input_text", "output_text", "text", "refusal", "reasoning_text", "summary_text"})


def read_item(entry: Entry) -> list[Fact]:
    """One `response_item`."""
    item, kind = entry.payload, text_in(entry.payload, "type")
    call_id = text_in(item, "call_id") or text_in(item, "id")
    if kind == "message" or (not kind and "role" in item):
        return _message(entry)
    if kind == "reasoning":
        return _reasoning(entry)
    if kind.endswith("_call") and call_id and kind != "tool_call":
        return _call(entry)
    if kind.endswith("_output") and call_id:
        return [call_output(entry.who, call_id, item.get("output", item.get("tools")))]
    if kind == "agent_message":
        return _of_model(entry, "agent", [("text", content_text(objects_in(item, "content")))])
    return entry.who.activity(entry.name) if kind in _ALIVE else entry.who.unknown(entry.name)


def is_context(text: str) -> bool:
    """A text on the user's side that is no prompt."""
    return text.lstrip().startswith(_CONTEXT)


def _call(entry: Entry) -> list[Fact]:
    block = call_received(entry.who, entry.payload)
    named: Object = {**entry.who.fields, "message_id": block.message_id}
    return [MessageStarted(**named), block, MessageEnded(**named, stopped=True)]


def _message(entry: Entry) -> list[Fact]:
    role, parts = text_in(entry.payload, "role"), list(_parts(entry.payload))
    text = "\n".join(text for kind, text in parts if kind == "text")
    if role != "user" or is_context(text):
        return _of_model(entry, role or "assistant", parts)
    prompt_id = text_in(entry.payload, "id") or entry.identity
    shown = text or "\n".join(text for _, text in parts)
    return [PromptSubmitted(**entry.who.fields, prompt=shown, prompt_id=prompt_id, voice="item")]


def _parts(item: Object) -> Iterator[tuple[str, str]]:
    """(block type, content) of each part of a message; pictures are named, the event holds them."""
    content = item.get("content")
    if isinstance(content, str):
        yield "text", content
    for part in objects_in(item, "content"):
        kind = text_in(part, "type")
        if kind in _TEXTS or (not kind and "text" in part):
            yield "text", text_in(part, "text") or text_in(part, "refusal")
        elif kind == "input_image":
            yield "image", "[image]"
        else:
            yield kind or "unknown", content_text([part])


def _reasoning(entry: Entry) -> list[Fact]:
    """The summary where there is one, else the thoughts themselves; what is encrypted is only measured."""
    item = entry.payload
    parts = objects_in(item, "summary") or objects_in(item, "content")
    blocks = [("thinking", text_in(part, "text")) for part in parts]
    encrypted = text_in(item, "encrypted_content")
    if not blocks and encrypted:
        blocks = [("redacted_thinking", f"[{len(encrypted)} characters, encrypted]")]
    return _of_model(entry, "assistant", blocks)


def _of_model(entry: Entry, role: str, blocks: list[tuple[str, str]]) -> list[Fact]:
    """A whole message with its blocks."""
    fields, item_id = entry.who.fields, text_in(entry.payload, "id") or entry.identity
    facts: list[Fact] = [MessageStarted(**fields, message_id=item_id, role=role)]
    facts += [
        BlockReceived(**fields, message_id=item_id, key=f"{item_id}#{number}", block_type=kind, content=content)
        for number, (kind, content) in enumerate(blocks)
    ]
    return [*facts, MessageEnded(**fields, message_id=item_id, stopped=True)]


def item_in(entry: Entry) -> Object:
    """The item that an event tells to be complete."""
    return object_in(entry.payload, "item")


_ALIVE = frozenset(
    {
        "additional_tools",
        "compaction",
        "compaction_trigger",
        "configuration_update",
        "context_compaction",
        "ghost_snapshot",
        "other",
    }
)
