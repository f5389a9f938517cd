"""`progress` records: signs of life of a tool, and the only trace of sub-agents that have no file of their own."""

from __future__ import annotations

import msgspec

from eventsrc.formats.claude_entry import Entry, observed
from eventsrc.formats.claude_envelope import seconds_of
from eventsrc.formats.claude_line import Progress
from eventsrc.formats.claude_usage import usage_of
from eventsrc.plugin import Activity, Fact, SessionObserved


def read_progress(entry: Entry) -> list[Fact]:
    """Facts of one `progress` record."""
    data = entry.line.data or Progress()
    facts: list[Fact] = [observed(entry), Activity(**entry.common, what=f"progress.{data.type}")]
    facts += _usage(entry, data)
    if data.agent_id and entry.line.parent_tool_use_id and not entry.is_sidechain:
        link = {f"agent.{data.agent_id}.tool_use_id": entry.line.parent_tool_use_id}
        facts.append(SessionObserved(**entry.common, metadata=link))
    return facts


def _usage(entry: Entry, data: Progress) -> list[Fact]:
    """Tokens of the sub-agent's message that the record copies; its time is that of the message."""
    copy = data.message
    if copy is None or copy.message is None:
        return []
    request_id = copy.request_id or entry.line.request_id or ""
    usage = usage_of(entry, copy.message, request_id, copy.uuid or entry.identity)
    if usage is None:
        return []
    when = seconds_of(copy.timestamp)
    time = entry.time if when is None else when
    return [msgspec.structs.replace(usage, time=time, origin="progress", is_sidechain=True)]
