"""The read model `search`: the words of everything that was said, whoever told it.

Prompts, answers, thinking, tools' inputs and results, messages between agents, experiments: each is a document with a
kind, and `ref` and `sid` lead back to where it stands. A document is whole when it is indexed: what streams waits.

*Must never know*: how a question is typed, what time it is, which format an event came from.

*What survives a crash here*: everything that was committed, open blocks with it. Documents are known by their words
(or by their tool), so what comes again, from a copy or from another producer, is found once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from eventsrc.plugin import (
    AgentFactBase,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    MessageEnded,
    MessageExchanged,
    ProcessGone,
    Projection,
    PromptSubmitted,
    Reading,
    SessionEnded,
    SessionObserved,
    ThoughtCompleted,
    ToolResultReceived,
    UtteranceCompleted,
    parse_time,
)
from projections.search.blocks import KIND_OF_BLOCK, Blocks
from projections.search.documents import Document, Documents
from projections.search.questions import QUESTIONS
from projections.search.schema import LATE_SCHEMA, SCHEMA

__all__ = ["Search"]


class Search(Projection):
    """Folds what was said into documents."""

    name = "search"
    version = 1
    schema = SCHEMA
    late_schema = LATE_SCHEMA
    questions = QUESTIONS

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._documents = Documents(connection)
        self._blocks = Blocks(connection, self._documents)

    def fold(self, reading: Reading) -> None:
        """Takes one event in."""
        for fact in reading.facts:
            way = WAYS.get(type(fact))  # `isinstance` of a struct costs as much as the rest of this
            if way is not None:
                way(self, fact, reading)

    def flush(self) -> None:
        """Writes documents, then what is still open."""
        self._documents.flush()
        self._blocks.flush()

    def _prompt(self, fact: PromptSubmitted, reading: Reading) -> None:
        self._add("prompt", fact.prompt_id, fact.sid, _time(fact, reading), "", fact.prompt, reading.position)

    def _received(self, fact: BlockReceived, reading: Reading) -> None:
        kind = KIND_OF_BLOCK.get(fact.block_type)
        if kind is not None:
            ref = fact.tool_use_id or fact.message_id or fact.request_id
            title = fact.tool_name or ""
            self._add(kind, ref, fact.sid, _time(fact, reading), title, fact.content, reading.position)

    def _result(self, fact: ToolResultReceived, reading: Reading) -> None:
        self._add("tool_result", fact.tool_use_id, fact.sid, _time(fact, reading), "", fact.content, reading.position)

    def _titled(self, fact: SessionObserved, reading: Reading) -> None:
        if fact.title:
            self._add("title", fact.sid, fact.sid, _time(fact, reading), "", fact.title, reading.position)

    def _delta(self, fact: BlockDelta, _: Reading) -> None:
        self._blocks.delta(fact)

    def _started(self, fact: BlockStarted, reading: Reading) -> None:
        self._blocks.started(fact, _time(fact, reading))

    def _completed(self, fact: BlockCompleted, reading: Reading) -> None:
        self._blocks.completed(fact, _time(fact, reading), reading.position)

    def _ended(self, fact: MessageEnded, reading: Reading) -> None:
        self._blocks.message_ended(fact, _time(fact, reading), reading.position)

    def _over(self, fact: SessionEnded | ProcessGone, reading: Reading) -> None:
        self._blocks.session_ended(fact.sid, _time(fact, reading), reading.position)

    def _message(self, fact: MessageExchanged, reading: Reading) -> None:
        title = f"{fact.sender} → {fact.recipient}" if fact.recipient else fact.sender
        self._add("message", fact.key, fact.context_id, _time(fact, reading), title, fact.text, reading.position)

    def _utterance(self, fact: UtteranceCompleted | ThoughtCompleted, reading: Reading) -> None:
        title = fact.agent_id if isinstance(fact, UtteranceCompleted) else f"{fact.agent_id} thinks"
        name = fact.dialogue_id
        self._add("experiment", name, name, _time(fact, reading), title, fact.text, reading.position)

    def _add(self, kind: str, ref: str, sid: str, *rest: object) -> None:
        self._documents.add(Document(kind, ref, sid, *rest))  # type: ignore[arg-type]


WAYS: Mapping[type, Callable[[Search, Any, Reading], None]] = {
    PromptSubmitted: Search._prompt,
    BlockReceived: Search._received,
    ToolResultReceived: Search._result,
    BlockDelta: Search._delta,
    BlockStarted: Search._started,
    BlockCompleted: Search._completed,
    MessageEnded: Search._ended,
    SessionEnded: Search._over,
    ProcessGone: Search._over,
    SessionObserved: Search._titled,
    MessageExchanged: Search._message,
    UtteranceCompleted: Search._utterance,
    ThoughtCompleted: Search._utterance,
}
"""What is done with a fact, by its type; others say no words."""


def _time(
    fact: AgentFactBase | MessageExchanged | UtteranceCompleted | ThoughtCompleted, reading: Reading
) -> float | None:
    """When it happened; where nobody tells, a local time or when the log got it."""
    if fact.time is not None:
        return fact.time
    local: float | None = getattr(fact, "local", None)
    return local if local is not None else parse_time(reading.time or reading.recorded)
