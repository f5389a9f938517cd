"""Content blocks and the text in them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from eventsrc.formats.claude_entry import AGENT, Entry
from eventsrc.formats.claude_line import Block, Message
from eventsrc.plugin import BlockReceived, Fact, MessageEnded, MessageStarted

_MEDIA = {"image", "document"}


def blocks_of(message: Message | None) -> list[Block]:
    """The content as blocks; a string is one text block."""
    content = message.content if message is not None else None
    if isinstance(content, str):
        return [Block(type="text", text=content)]
    return content or []


def plain_text(blocks: list[Block]) -> str:
    """All text blocks, joined with line feeds."""
    return "\n".join(block.text for block in blocks if block.type == "text" and block.text is not None)


def raw_text(raw: Raw) -> str:
    """A JSON value as it was written; "" when it is missing or null."""
    text = bytes(raw).decode("utf-8", "replace")
    return "" if text == "null" else text


def content_of(block: Block) -> str:
    """What a block holds, as text: text, thinking, or the input of a tool as JSON. Pictures and documents are named and
    measured instead of copied; the event holds them."""
    match block.type:
        case "text":
            return block.text or ""
        case "thinking":
            return block.thinking or ""
        case "tool_use" | "server_tool_use":
            return raw_text(block.input)
        case kind if kind in _MEDIA:
            return media_text(kind, block.source)
        case _:
            return block.text or raw_text(block.content)


def media_text(kind: str, source: Raw | dict[str, Any]) -> str:
    """`[image image/png, 1234 characters of base64]`."""
    if isinstance(source, Raw):
        decoded = msgspec.json.decode(source) if source else None
        source = decoded if isinstance(decoded, dict) else {}
    data = source.get("data")
    media_type = source.get("media_type")
    name = f"{kind} {media_type}" if isinstance(media_type, str) else kind
    return f"[{name}, {len(data)} characters of base64]" if isinstance(data, str) else f"[{name}]"


def result_text(content: Raw) -> str:
    """What the model was shown as the result of a tool: the string, or the texts of the blocks."""
    value = msgspec.json.decode(content) if content else None
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if not isinstance(value, list):
        return raw_text(content)
    return "\n".join(_piece_text(piece) for piece in value)


def _piece_text(piece: Any) -> str:
    if not isinstance(piece, dict):
        return str(piece)
    kind = piece.get("type")
    if kind == "text" and isinstance(piece.get("text"), str):
        return str(piece["text"])
    if isinstance(kind, str) and kind in _MEDIA:
        source = piece.get("source")
        return media_text(kind, source if isinstance(source, dict) else {})
    return msgspec.json.encode(piece).decode()


def user_message(entry: Entry, blocks: list[tuple[int, Block]]) -> list[Fact]:
    """What stands on the user's side of the talk and is neither a prompt nor the result of a tool: the task of a
    sub-agent, injected notices, pictures. Blocks come with their number within the record."""
    if not blocks:
        return []
    facts: list[Fact] = [
        MessageStarted(
            sid=entry.sid,
            time=entry.time,
            round=entry.round,
            agent=AGENT,
            message_id=entry.identity,
            role="user",
            is_sidechain=entry.is_sidechain,
            agent_id=entry.agent_id,
        )
    ]
    facts += [
        BlockReceived(
            sid=entry.sid,
            time=entry.time,
            round=entry.round,
            agent=AGENT,
            message_id=entry.identity,
            key=f"{entry.identity}#{number}",
            block_type=block.type,
            content=content_of(block),
        )
        for number, block in blocks
    ]
    facts.append(MessageEnded(**entry.common, message_id=entry.identity, stopped=True))
    return facts
