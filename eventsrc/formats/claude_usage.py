"""Tokens: which records count, as which call.

One response is written as several lines that each repeat its usage, and again in forks, resumed copies and progress
records; `largest` over equal message ids counts it once. What tools report about their own agents is never added.
"""

from __future__ import annotations

from eventsrc.formats.claude_entry import AGENT, Entry
from eventsrc.formats.claude_line import Cache, Message, Spent, Usage
from eventsrc.formats.counting import count
from eventsrc.limits import COUNT_MOST
from eventsrc.plugin import UsageReported


def usage_of(entry: Entry, message: Message | Spent, request_id: str, identity: str) -> UsageReported | None:
    """What a record says about the tokens of one response; None when it says nothing. Without a message id the record
    counts for itself, under `identity`."""
    usage = message.usage
    if usage is None:
        return None
    details = usage.output_tokens_details
    return UsageReported(
        sid=entry.sid,
        time=entry.time,
        round=entry.round,
        agent=AGENT,
        usage_id=message.id or identity,
        message_id=message.id or "",
        request_id=request_id,
        model=message.model,
        input_tokens=_counted(usage.input_tokens),
        output_tokens=_counted(usage.output_tokens),
        cache_creation_input_tokens=_cache_creation(usage),
        cache_read_input_tokens=_counted(usage.cache_read_input_tokens),
        reasoning_tokens=None if details is None else count(details.thinking_tokens),
        is_final=message.stop_reason is not None,
        is_sidechain=entry.is_sidechain,
    )  # with one keyword more CPython would build a dictionary first: `origin` and `rule` are the defaults


def _cache_creation(usage: Usage) -> int:
    if usage.cache_creation_input_tokens is not None:
        return _counted(usage.cache_creation_input_tokens)
    parts = usage.cache_creation or Cache()
    return _counted(parts.ephemeral_5m_input_tokens) + _counted(parts.ephemeral_1h_input_tokens)


def _counted(value: int | None) -> int:
    """0 for what is missing or no count."""
    return value if value is not None and -COUNT_MOST <= value <= COUNT_MOST else 0
