"""How each fact changes its dialogue. Every fact arrives here once: repeats were left out before."""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import (
    ContextTruncated,
    DialogueEnded,
    DialogueFailed,
    DialoguePaused,
    DialogueResumed,
    DialogueStarted,
    ExperimentFact,
    Reading,
    ThoughtCompleted,
    TokensSpent,
    TurnCompleted,
    TurnStarted,
    UtteranceCompleted,
    parse_time,
)
from projections.experiments.rows import Dialogue, Dialogues
from projections.experiments.states import CONTEXT_LIMIT, end_state

WEST = 12 * 3600.0
"""No zone is further behind UTC: a wall time that says noon was at the latest midnight, UTC."""

_INSERTS = {
    "turns": "INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?, ?)",
    "messages": "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "thoughts": "INSERT OR REPLACE INTO thoughts VALUES (?, ?, ?, ?, ?, ?, ?)",
    "token_usage": "INSERT OR IGNORE INTO token_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "errors": "INSERT OR IGNORE INTO errors VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
}


class Course:
    """The course of dialogues: their rows, and the rows that only ever are added."""

    def __init__(self, connection: sqlite3.Connection, dialogues: Dialogues) -> None:
        self._connection = connection
        self._dialogues = dialogues
        self._added: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERTS}

    def seen(self, fact: ExperimentFact, reading: Reading) -> None:
        """An event of a dialogue, whatever it means: it is there, and it is alive."""
        row = self._dialogues.of(fact.dialogue_id)
        at = time_of(fact)
        row.folder = row.folder or fact.folder or None
        row.file = row.file or reading.source
        row.experiment_id = fact.experiment_id or row.experiment_id
        row.event_count += 1
        row.last_position = reading.position
        if row.state in ("created", "never_started"):
            row.state = "open"
        if at is None:
            return
        row.zone = "local" if fact.time is None else row.zone or "utc"
        row.first_event_at = at if row.first_event_at is None else min(row.first_event_at, at)
        row.last_event_at = at if row.last_event_at is None else max(row.last_event_at, at)
        alive = at if fact.time is not None else min(at + WEST, parse_time(reading.recorded) or at)
        row.alive_at = alive if row.alive_at is None else max(row.alive_at, alive)

    def fold(self, fact: ExperimentFact, position: int) -> None:
        """What it means."""
        row, at = self._dialogues.of(fact.dialogue_id), time_of(fact)
        match fact:
            case DialogueStarted():
                _started(row, fact, at)
            case DialogueEnded():
                _ended(row, fact, at)
            case DialoguePaused() if row.state == "open":
                row.state = "paused"
            case DialogueResumed() if row.state == "paused":
                row.state = "open"
            case TurnStarted():
                row.open_turn, row.open_turn_at = fact.turn, at
                row.turns_started += 1
            case TurnCompleted():
                self._turn(row, fact, at)
            case UtteranceCompleted():
                self._message(row, fact, at, position)
            case TokensSpent():
                self._tokens(row, fact, at, position)
            case DialogueFailed():
                row.error_count += 1
                retryable = None if fact.retryable is None else int(fact.retryable)
                error = (fact.provider, fact.error_type, fact.message, retryable)
                self._added["errors"].append((row.conversation_id, position, at, fact.agent_id, *error))
            case ThoughtCompleted():
                turn = _turn_of(row, fact.turn)
                thought = (row.conversation_id, turn, fact.agent_id, at, fact.text, fact.tokens, position)
                self._added["thoughts"].append(thought)
            case ContextTruncated():
                row.truncation_count += 1

    def flush(self) -> None:
        """Writes the rows that were added."""
        for table, rows in self._added.items():
            if rows:
                self._connection.executemany(_INSERTS[table], rows)
                rows.clear()

    def _turn(self, row: Dialogue, fact: TurnCompleted, at: float | None) -> None:
        row.total_turns += 1
        began = row.open_turn_at if row.open_turn == fact.turn else None
        row.open_turn = row.open_turn_at = None
        if fact.convergence is not None:
            row.last_convergence = fact.convergence
        self._added["turns"].append((row.conversation_id, fact.turn, at, fact.convergence, began))

    def _message(self, row: Dialogue, fact: UtteranceCompleted, at: float | None, position: int) -> None:
        row.message_count += 1
        row.message_tokens += fact.total_tokens or 0
        tokens = (fact.prompt_tokens, fact.completion_tokens, fact.total_tokens)
        said = (_turn_of(row, fact.turn), fact.agent_id, at, fact.text, fact.duration_ms)
        self._added["messages"].append((row.conversation_id, *said, *tokens, position))

    def _tokens(self, row: Dialogue, fact: TokensSpent, at: float | None, position: int) -> None:
        row.prompt_tokens += fact.prompt_tokens or 0
        row.completion_tokens += fact.completion_tokens or 0
        row.total_tokens += fact.total_tokens or 0
        tokens = (fact.prompt_tokens, fact.completion_tokens, fact.total_tokens)
        spent = (row.conversation_id, position, fact.agent_id, fact.model, *tokens, fact.provider, at)
        self._added["token_usage"].append(spent)


def time_of(fact: ExperimentFact) -> float | None:
    """When it happened; a wall time without a zone counts as UTC, which its dialogue says."""
    return fact.local if fact.time is None else fact.time


def _turn_of(row: Dialogue, told: int | None) -> int:
    """The turn that a message belongs to: the record's own, else the one that is open, else the next."""
    if told is not None:
        return told
    return row.total_turns if row.open_turn is None else row.open_turn


def _started(row: Dialogue, fact: DialogueStarted, at: float | None) -> None:
    row.agent_a_model = fact.agent_a_model or row.agent_a_model
    row.agent_b_model = fact.agent_b_model or row.agent_b_model
    row.agent_a_name = fact.agent_a_name or row.agent_a_name
    row.agent_b_name = fact.agent_b_name or row.agent_b_name
    row.initial_prompt = row.initial_prompt if fact.initial_prompt is None else fact.initial_prompt
    row.max_turns = row.max_turns if fact.max_turns is None else fact.max_turns
    row.temperature_a = row.temperature_a if fact.temperature_a is None else fact.temperature_a
    row.temperature_b = row.temperature_b if fact.temperature_b is None else fact.temperature_b
    row.started_at = row.started_at if row.started_at is not None else at


def _ended(row: Dialogue, fact: DialogueEnded, at: float | None) -> None:
    row.end_count += 1
    row.last_end_reason = fact.reason
    if row.end_count > 1:
        return
    row.state = end_state(fact)
    row.end_reason, row.ended_at, row.duration_ms = fact.reason, at, fact.duration_ms
    row.reported_turns = fact.total_turns
    row.error = fact.error or (fact.reason if row.state == "failed" else None)
    row.context_limit = int(fact.reason == CONTEXT_LIMIT)
