"""One line per event: what `attach --tail` shows."""

from __future__ import annotations

from datetime import UTC, datetime

from eventsrc.cli.attached.piece import when
from eventsrc.cli.fit import shortened
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ErrorReported,
    Fact,
    MessageEnded,
    MessageStarted,
    ProcessGone,
    PromptSubmitted,
    Reading,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolCallEnded,
    ToolCallStarted,
    ToolResultReceived,
    UsageReported,
    Waiting,
    parse_time,
)

CHARS = 200  # of what an agent wrote, on one line


def brief(reading: Reading) -> str:
    """`10:15:04 text      "ls -l"`: the reader's own time, what it is, and the beginning of what it says; without a
    line feed. What an agent wrote stands in it as it is: make it harmless first."""
    said = [_said(fact) for fact in reading.facts]
    words = "; ".join(f"{what:<9} {text}".rstrip() for what, text in filter(None, said)) or reading.type
    first = reading.facts[0] if reading.facts else None
    time = when(first, reading) if first is not None else parse_time(reading.recorded)
    clock = datetime.fromtimestamp(time or 0.0, UTC).astimezone() if _absolute(first) else _zoneless(time)
    return f"{clock:%H:%M:%S} {words}"


def _said(fact: Fact) -> tuple[str, str] | None:
    match fact:
        case BlockDelta():
            return fact.kind, _short(fact.text, quoted=True)
        case BlockStarted() | BlockReceived():
            return _block(fact)
        case BlockCompleted():
            return "whole", f"block {fact.index}"
        case ToolResultReceived():
            return "result", ("error: " if fact.is_error else "") + _short(fact.content)
        case MessageStarted():
            return "message", f"{fact.role} {fact.model or ''}".rstrip()
        case MessageEnded():
            return "stop", fact.stop_reason or ("whole" if fact.stopped else "")
        case PromptSubmitted():
            return "prompt", _short(fact.prompt)
        case RoundEnded():
            return "round", " ".join(filter(None, (fact.outcome, _short(fact.reason))))
        case UsageReported():
            return "tokens", f"{fact.input_tokens or 0} in, {fact.output_tokens or 0} out"
        case _:
            return _around(fact)


def _block(fact: BlockStarted | BlockReceived) -> tuple[str, str]:
    text = fact.text if isinstance(fact, BlockStarted) else fact.content
    words = ("begins" if isinstance(fact, BlockStarted) else "", fact.tool_name or "", _short(text))
    return fact.block_type, " ".join(filter(None, words))


def _around(fact: Fact) -> tuple[str, str] | None:
    match fact:
        case SessionStarted():
            return "started", fact.source
        case SessionEnded():
            return "ended", fact.reason
        case ProcessGone():
            return "gone", f"process {fact.pid}: {fact.reason}"
        case ToolCallStarted():
            return "call", f"{fact.tool_name} {_short(fact.tool_input)}"
        case ToolCallEnded():
            return "called", f"{fact.tool_name} {fact.outcome}"
        case ErrorReported():
            return "error", f"{fact.error_type}: {_short(fact.message)}"
        case Waiting():
            return "waiting", fact.reason if fact.waiting else "no more"
        case _:
            return None


def _short(text: str, *, quoted: bool = False) -> str:
    cut = shortened(text, CHARS)
    return f'"{cut}"' if quoted else " ".join(cut.split())


def _absolute(fact: Fact | None) -> bool:
    """False where only local time is known, which is the producer's own."""
    return fact is None or getattr(fact, "time", None) is not None or getattr(fact, "local", None) is None


def _zoneless(time: float | None) -> datetime:
    return datetime.fromtimestamp(time or 0.0, UTC)
