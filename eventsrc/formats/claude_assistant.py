"""`assistant` records: one content block per line as a rule, with the usage of the whole response on each."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from eventsrc.formats.claude_content import blocks_of, content_of, plain_text
from eventsrc.formats.claude_entry import Entry, observed
from eventsrc.formats.claude_hook_facts import ASKS
from eventsrc.formats.claude_line import Block, Message
from eventsrc.formats.claude_usage import message_usage
from eventsrc.plugin import BlockReceived, ErrorReported, Fact, MessageEnded, MessageStarted, RoundEnded, Waiting

SYNTHETIC = "<synthetic>"
"""The model of messages that no model wrote."""
_CALLS = {"tool_use", "server_tool_use"}
_LAST = {"end_turn", "stop_sequence"}


def read_assistant(entry: Entry) -> list[Fact]:
    """Facts of one `assistant` record."""
    line, message = entry.line, entry.line.message or Message()
    message_id = message.id or entry.identity
    request_id = line.request_id or ""
    real = message.model if message.model != SYNTHETIC else None
    blocks = blocks_of(message)
    facts: list[Fact] = [
        observed(entry, real),
        MessageStarted(
            **entry.common,
            message_id=message_id,
            request_id=request_id,
            model=message.model,
            is_sidechain=entry.is_sidechain,
            agent_id=entry.agent_id,
        ),
    ]
    facts += [_block(entry, message_id, request_id, number, block) for number, block in enumerate(blocks)]
    facts += _asks(entry, blocks)
    usage = message_usage(entry, message)
    if usage is not None:
        facts.append(usage)
    if message.stop_reason is not None:
        facts.append(_ended(entry, message_id, request_id, message.stop_reason))
    facts += _outcome(entry, message, blocks)
    return facts


def _block(entry: Entry, message_id: str, request_id: str, number: int, block: Block) -> Fact:
    is_call = block.type in _CALLS  # results of tools that the API runs itself carry the id of their call too
    return BlockReceived(
        **entry.common,
        message_id=message_id,
        request_id=request_id,
        key=f"{entry.identity}#{number}",
        block_type=block.type,
        content=content_of(block),
        tool_use_id=block.id if is_call else None,
        tool_name=block.name if is_call else None,
    )


def _asks(entry: Entry, blocks: list[Block]) -> list[Fact]:
    """Calls that a person answers: until the result, nobody else can go on."""
    calls = [block for block in blocks if block.type == "tool_use" and block.name in ASKS and block.id]
    if entry.is_sidechain:
        return []
    return [
        Waiting(**entry.common, waiting=True, reason=ASKS[block.name or ""], tool_use_id=block.id) for block in calls
    ]


def _ended(entry: Entry, message_id: str, request_id: str, reason: str) -> Fact:
    return MessageEnded(**entry.common, message_id=message_id, request_id=request_id, stop_reason=reason, stopped=True)


def _outcome(entry: Entry, message: Message, blocks: list[Block]) -> list[Fact]:
    """What the record lets one infer about the round; a later record of the round corrects it."""
    if entry.line.is_api_error_message is True:
        error_type = _error_type(entry.line.error)
        text = plain_text(blocks)
        reported = ErrorReported(**entry.common, error_type=error_type, message=text, error_id=entry.identity)
        facts: list[Fact] = [reported]
        if not entry.is_sidechain:
            facts.append(RoundEnded(**entry.common, outcome="failed", reason=error_type, explicit=False))
        return facts
    is_text = bool(blocks) and blocks[-1].type == "text"
    if is_text and message.stop_reason in _LAST and not entry.is_sidechain and message.model != SYNTHETIC:
        return [RoundEnded(**entry.common, outcome="complete", reason=message.stop_reason or "", explicit=False)]
    return []


def _error_type(error: Raw) -> str:
    value = msgspec.json.decode(error) if error else None
    return value if isinstance(value, str) and value else "api_error"
