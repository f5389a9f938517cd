"""Tokens: which records count, as which call.

One response is written as several lines that each repeat its usage, and again in forks, resumed copies and progress
records; `largest` over equal message ids counts it once. What tools report about their own agents is never added.
"""

from __future__ import annotations

from eventsrc.formats.claude_entry import Entry, Fields
from eventsrc.formats.claude_line import Cache, Message, Spent, Usage
from eventsrc.formats.counting import count
from eventsrc.plugin import UsageReported


def usage_of(
    common: Fields, message: Message | Spent, *, request_id: str, identity: str, origin: str, side: bool
) -> UsageReported | None:
    """What one record says about the tokens of one response; None when it says nothing. Without a message id the record
    counts for itself."""
    usage = message.usage
    if usage is None:
        return None
    return UsageReported(
        **common,
        usage_id=message.id or identity,
        message_id=message.id or "",
        request_id=request_id,
        origin=origin,
        rule="largest",
        model=message.model,
        input_tokens=count(usage.input_tokens) or 0,
        output_tokens=count(usage.output_tokens) or 0,
        cache_creation_input_tokens=_cache_creation(usage),
        cache_read_input_tokens=count(usage.cache_read_input_tokens) or 0,
        reasoning_tokens=count(usage.output_tokens_details.thinking_tokens) if usage.output_tokens_details else None,
        is_final=message.stop_reason is not None,
        is_sidechain=side,
    )


def message_usage(entry: Entry, message: Message) -> UsageReported | None:
    """Tokens of an `assistant` record."""
    return usage_of(
        entry.common,
        message,
        request_id=entry.line.request_id or "",
        identity=entry.identity,
        origin="message",
        side=entry.is_sidechain,
    )


def _cache_creation(usage: Usage) -> int:
    if usage.cache_creation_input_tokens is not None:
        return count(usage.cache_creation_input_tokens) or 0
    parts = usage.cache_creation or Cache()
    return (count(parts.ephemeral_5m_input_tokens) or 0) + (count(parts.ephemeral_1h_input_tokens) or 0)
