"""One session as a person reads it while it happens: prompts, thinking, text as it streams, tools with their results.

What two sources tell of the same thing (a stream and a transcript, a hook and a transcript) is shown once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from eventsrc.cli.attached.blocks import Blocks
from eventsrc.cli.attached.calls import Calls
from eventsrc.cli.attached.piece import Line, Piece, when
from eventsrc.cli.output import duration
from eventsrc.limits import STORY_BLOCKS
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ContextCompacted,
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
    Waiting,
)

NEAR_SECONDS = 5.0  # the same prompt told twice within this is one prompt
LOUD_STOPS = frozenset(("max_tokens", "refusal", "model_context_window_exceeded"))
"""Reasons for which a message stopped that are worth a line."""


class Story:
    """`tell` gives what a reading adds. Its memory is bounded: what is told twice far apart may be shown twice."""

    def __init__(self) -> None:
        self._line = Line()
        self._calls = Calls(self._line)
        self._blocks = Blocks(self._line, self._calls)
        self._prompts: OrderedDict[str, float] = OrderedDict()
        self._round = ""
        self._began: float | None = None

    def tell(self, reading: Reading) -> list[Piece]:
        """What an event adds to what was told so far."""
        pieces: list[Piece] = []
        for fact in reading.facts:
            pieces += self._fact(fact, when(fact, reading))
        self._blocks.forget()
        while len(self._prompts) > STORY_BLOCKS:
            self._prompts.popitem(last=False)
        return pieces

    def end(self) -> list[Piece]:
        """The line feed that the last line may still need."""
        return self._line.end()

    def _fact(self, fact: Fact, time: float | None) -> Iterator[Piece]:
        match fact:
            case BlockDelta():
                yield from self._blocks.delta(fact)
            case BlockStarted():
                yield from self._blocks.started(fact)
            case BlockCompleted():
                yield from self._blocks.completed(fact, time)
            case BlockReceived():
                yield from self._blocks.received(fact, time)
            case ToolResultReceived():
                yield from self._calls.result(fact, time)
            case ToolCallStarted():
                yield from self._calls.started(fact, time)
            case ToolCallEnded():
                yield from self._calls.ended(fact)
            case MessageStarted():
                self._blocks.message(fact)
            case PromptSubmitted():
                yield from self._prompt(fact, time)
            case RoundEnded():
                yield from self._ended(fact, time)
            case _:
                yield from self._around(fact)

    def _prompt(self, fact: PromptSubmitted, time: float | None) -> Iterator[Piece]:
        text = fact.prompt.removesuffix(f"Your agent Id is: {fact.sid}").strip()
        said = self._prompts.get(text)
        if (fact.prompt_id and fact.prompt_id in self._prompts) or (
            said is not None and time is not None and abs(time - said) < NEAR_SECONDS
        ):
            return
        self._prompts[text] = time or 0.0
        if fact.prompt_id:
            self._prompts[fact.prompt_id] = time or 0.0
        if fact.kind != "queued":
            self._round, self._began = "open", time
        yield from self._line.end()
        kind = "" if fact.kind == "prompt" else f"({fact.kind}) "
        yield Piece("prompt", f"\n❯ {kind}{text}\n")

    def _ended(self, fact: RoundEnded, time: float | None) -> Iterator[Piece]:
        if self._round in (fact.outcome, "complete", ""):
            return
        self._round = fact.outcome
        yield from self._line.end()
        took = ""
        if time is not None and self._began is not None and time >= self._began:
            took = f" · {duration(time - self._began)}"
        reason = f": {fact.reason}" if fact.outcome != "complete" and fact.reason else ""
        yield Piece("good" if fact.outcome == "complete" else "bad", f"■ round {fact.outcome}{reason}{took}\n")

    def _around(self, fact: Fact) -> Iterator[Piece]:
        piece = _noted(fact)
        if piece is not None:
            yield from self._line.end()
            yield piece


def _noted(fact: Fact) -> Piece | None:
    """One line for what is seen around the agent; None for what is not worth one."""
    match fact:
        case ErrorReported():
            return Piece("bad", f"! {fact.error_type or 'error'}: {fact.message}\n")
        case MessageEnded() if fact.stop_reason in LOUD_STOPS:
            return Piece("bad", f"! the message stopped: {fact.stop_reason}\n")
        case Waiting() if fact.waiting:
            return Piece("prompt", f"? waits for a person: {fact.reason or 'an answer'}\n")
        case ContextCompacted():
            return Piece("note", f"~ context compacted {fact.trigger}".rstrip() + "\n")
        case SessionStarted():
            pid = f", pid {fact.pid}" if fact.pid is not None else ""
            return Piece("note", f"● started {fact.source}".rstrip() + f"{pid}\n")
        case SessionEnded():
            return Piece("note", f"○ ended: {fact.reason or 'no reason given'}\n")
        case ProcessGone():
            code = f" with exit code {fact.exit_code}" if fact.exit_code is not None else ""
            return Piece("bad", f"○ process {fact.pid} is gone: {fact.reason}{code}\n")
        case _:
            return None
