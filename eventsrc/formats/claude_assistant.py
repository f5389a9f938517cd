"""`assistant` records: one content block per line as a rule, with the usage of the whole response on each."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from eventsrc.formats.claude_content import blocks_of, content_of, plain_text
from eventsrc.formats.claude_entry import AGENT, Entry, observed
from eventsrc.formats.claude_hook_facts import ASKS
from eventsrc.formats.claude_line import Block, Message
from eventsrc.formats.claude_usage import usage_of
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
    model = message.model
    blocks = blocks_of(message)
    facts: list[Fact] = [
        observed(entry, model if model != SYNTHETIC else None),
        MessageStarted(
            sid=entry.sid,
            time=entry.time,
            round=entry.round,
            agent=AGENT,
            message_id=message_id,
            request_id=request_id,
            model=model,
            is_sidechain=entry.is_sidechain,
            agent_id=entry.agent_id,
        ),
    ]
    facts += [_block(entry, message_id, request_id, number, block) for number, block in enumerate(blocks)]
    for block in blocks:
        if block.name in ASKS and not entry.is_sidechain and block.type == "tool_use" and block.id:
            facts.append(_asked(entry, block))
    usage = usage_of(entry, message, request_id, entry.identity)
    if usage is not None:
        facts.append(usage)
    if message.stop_reason is not None:
        facts.append(_ended(entry, message_id, request_id, message.stop_reason))
    if line.is_api_error_message is True:
        facts += _failure(entry, blocks)
    elif message.stop_reason in _LAST and not entry.is_sidechain and blocks and blocks[-1].type == "text":
        facts += _conclusion(entry, message)
    return facts


def _block(entry: Entry, message_id: str, request_id: str, number: int, block: Block) -> Fact:
    is_call = block.type in _CALLS  # results of tools that the API runs itself carry the id of their call too
    return BlockReceived(
        sid=entry.sid,
        time=entry.time,
        round=entry.round,
        agent=AGENT,
        message_id=message_id,
        request_id=request_id,
        key=f"{entry.identity}#{number}",
        block_type=block.type,
        content=content_of(block),
        tool_use_id=block.id if is_call else None,
        tool_name=block.name if is_call else None,
    )


def _asked(entry: Entry, block: Block) -> Fact:
    """A call that a person answers: until the result, nobody else can go on."""
    return Waiting(**entry.common, waiting=True, reason=ASKS[block.name or ""], tool_use_id=block.id)


def _ended(entry: Entry, message_id: str, request_id: str, reason: str) -> Fact:
    return MessageEnded(
        sid=entry.sid,
        time=entry.time,
        round=entry.round,
        agent=AGENT,
        message_id=message_id,
        request_id=request_id,
        stop_reason=reason,
        stopped=True,
    )


def _failure(entry: Entry, blocks: list[Block]) -> list[Fact]:
    """The API refused; so the round has failed, unless a later record of it shows otherwise."""
    error_type = _error_type(entry.line.error)
    text = plain_text(blocks)
    reported = ErrorReported(**entry.common, error_type=error_type, message=text, error_id=entry.identity)
    if entry.is_sidechain:
        return [reported]
    return [reported, RoundEnded(**entry.common, outcome="failed", reason=error_type, explicit=False)]


def _conclusion(entry: Entry, message: Message) -> list[Fact]:
    """A last text lets one infer that the round is over; a later record of it shows otherwise."""
    if message.model == SYNTHETIC:
        return []
    return [RoundEnded(**entry.common, outcome="complete", reason=message.stop_reason or "", explicit=False)]


def _error_type(error: Raw) -> str:
    value = msgspec.json.decode(error) if error else None
    return value if isinstance(value, str) and value else "api_error"
