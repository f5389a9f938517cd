"""`user` records: prompts, results of tools, interrupts, and what was injected in the user's name."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from eventsrc.formats.claude_content import blocks_of, plain_text, result_text, user_message
from eventsrc.formats.claude_entry import AGENT, Entry, observed
from eventsrc.formats.claude_line import Block
from eventsrc.formats.claude_prompt import ROUND_KINDS, TextClass, classify
from eventsrc.plugin import Fact, PromptSubmitted, RoundEnded, SessionObserved, ToolResultReceived


class _Outcome(Struct, rename="camel", gc=False):
    """The structured twin of a tool result: the few fields of it that are facts. Everything else repeats files."""

    agent_id: str | None = None
    agent_type: str | None = None
    duration_ms: float | None = None
    total_duration_ms: float | None = None
    duration_seconds: float | None = None


_OUTCOME = msgspec.json.Decoder(_Outcome)


def read_user(entry: Entry) -> list[Fact]:
    """Facts of one `user` record."""
    facts: list[Fact] = [observed(entry)]
    blocks = blocks_of(entry.line.message)
    results = [(number, block) for number, block in enumerate(blocks) if block.type == "tool_result"]
    if not results:
        facts += _text(entry, blocks)
    else:
        facts += _results(entry, results)
        if len(results) < len(blocks):
            facts += user_message(entry, [pair for pair in enumerate(blocks) if pair[1].type != "tool_result"])
    facts += _ends(entry)
    return facts


def _text(entry: Entry, blocks: list[Block]) -> list[Fact]:
    text = plain_text(blocks)
    has_content = bool(text.strip()) or any(block.type in {"image", "document"} for block in blocks)
    found = classify(entry.line, text, is_sidechain=entry.is_sidechain, has_content=has_content)
    if found in ROUND_KINDS:
        kind = ROUND_KINDS[found]
        prompt = PromptSubmitted(**entry.common, prompt=text, prompt_id=entry.identity, kind=kind)
        return [prompt, *user_message(entry, [pair for pair in enumerate(blocks) if pair[1].type != "text"])]
    facts = user_message(entry, list(enumerate(blocks)))
    if found is TextClass.INTERRUPT:
        facts.append(RoundEnded(**entry.common, outcome="aborted", reason=text.strip().strip("[]")))
    return facts


def _results(entry: Entry, results: list[tuple[int, Block]]) -> list[Fact]:
    """The structured twin belongs to the record; it is that of the result only where there is one."""
    outcome = _outcome(entry.line.tool_use_result) if len(results) == 1 else None
    facts: list[Fact] = []
    for number, block in results:
        if not block.tool_use_id:
            continue
        facts.append(
            ToolResultReceived(
                sid=entry.sid,
                time=entry.time,
                round=entry.round,
                agent=AGENT,
                tool_use_id=block.tool_use_id,
                content=result_text(block.content),
                is_error=_is_error(entry, block, single=outcome is not None),
                result_id=entry.identity if len(results) == 1 else f"{entry.identity}#{number}",
                duration_ms=_duration_ms(outcome),
            )
        )
        if outcome is not None and outcome.agent_id and not entry.is_sidechain:
            facts.append(_started_by(entry, block.tool_use_id, outcome))
    return facts


def _is_error(entry: Entry, block: Block, *, single: bool) -> bool | None:
    """What the model was told decides. Where that is left out, the structured twin is a string on failure; but servers
    of tools answer strings on success too, so only one that says `Error` counts."""
    if block.is_error is not None or not single:
        return block.is_error
    return True if bytes(memoryview(entry.line.tool_use_result)[:6]) == b'"Error' else None


def _outcome(twin: Raw) -> _Outcome:
    if bytes(memoryview(twin)[:1]) != b"{":
        return _Outcome()
    try:
        return _OUTCOME.decode(twin)
    except msgspec.ValidationError:
        return _Outcome()


def _duration_ms(outcome: _Outcome | None) -> float | None:
    if outcome is None:
        return None
    if outcome.duration_ms is not None:
        return outcome.duration_ms
    if outcome.total_duration_ms is not None:
        return outcome.total_duration_ms
    return None if outcome.duration_seconds is None else outcome.duration_seconds * 1000


def _started_by(entry: Entry, tool_use_id: str, outcome: _Outcome) -> Fact:
    return SessionObserved(**entry.common, metadata=agent_metadata(outcome.agent_id or "", tool_use_id))


def agent_metadata(agent_id: str, tool_use_id: str = "", agent_type: str = "", description: str = "") -> dict[str, str]:
    """How a session's metadata names its sub-agents: `agent.<id>.tool_use_id`, `.type`, `.description`."""
    told = {"tool_use_id": tool_use_id, "type": agent_type, "description": description}
    return {f"agent.{agent_id}.{name}": value for name, value in told.items() if value}


def _ends(entry: Entry) -> list[Fact]:
    line = entry.line
    if entry.is_sidechain:
        return []
    if line.interrupted_by_shutdown is True:
        return [RoundEnded(**entry.common, outcome="aborted", reason="shutdown")]
    if line.tool_denial_kind and line.tool_ends_turn is True:
        return [RoundEnded(**entry.common, outcome="aborted", reason=line.tool_denial_kind)]
    return []
