"""What each type of an experiment's events means. One reader per type; a type without one is a sign of life."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from eventsrc.formats.experiment_fields import Fields, is_object, member, number, text, wall_time, whole
from eventsrc.plugin import (
    ContextTruncated,
    DialogueActivity,
    DialogueEnded,
    DialogueFailed,
    DialoguePaused,
    DialogueResumed,
    DialogueStarted,
    Event,
    ExperimentPhase,
    Fact,
    ThoughtCompleted,
    TokensSpent,
    TurnCompleted,
    TurnStarted,
    UtteranceCompleted,
    parse_time,
)

Common: TypeAlias = dict[str, Any]
"""What every fact of a record has in common, by name."""


def common_of(event: Event, fields: Fields) -> Common:
    """Whose event it is, when it happened, and its identity within its dialogue."""
    stamp = text(fields.timestamp)
    detail = fields.chunk_index if fields.turn_number is None else fields.turn_number
    return {
        "dialogue_id": text(fields.conversation_id) or "",
        "experiment_id": text(fields.experiment_id) or "",
        "folder": event.source.rpartition("/")[0],
        "time": parse_time(stamp) if stamp else None,
        "local": wall_time(stamp),
        "key": f"{stamp}|{whole(detail) if whole(detail) is not None else ''}|{text(fields.agent_id) or ''}"
        if stamp
        else f"@{event.source}#{event.id}",
    }


def _start(common: Common, fields: Fields) -> list[Fact]:
    return [
        DialogueStarted(
            **common,
            agent_a_model=text(fields.agent_a_model) or text(member(fields.agent_a, "model")),
            agent_b_model=text(fields.agent_b_model) or text(member(fields.agent_b, "model")),
            agent_a_name=text(fields.agent_a_display_name) or text(member(fields.agent_a, "display_name")),
            agent_b_name=text(fields.agent_b_display_name) or text(member(fields.agent_b, "display_name")),
            initial_prompt=text(fields.initial_prompt),
            max_turns=_max_turns(fields),
            temperature_a=number(fields.temperature_a),
            temperature_b=number(fields.temperature_b),
        )
    ]


def _max_turns(fields: Fields) -> int | None:
    found = whole(fields.max_turns)
    if found is None and is_object(fields.config):
        found = whole(member(msgspec.json.decode(fields.config), "max_turns"))
    return found


def _end(common: Common, fields: Fields) -> list[Fact]:
    return [
        DialogueEnded(
            **common,
            reason=text(fields.reason) or "",
            total_turns=whole(fields.total_turns),
            duration_ms=number(fields.duration_ms),
            status=text(fields.status),
            error=text(fields.error) or None,
        )
    ]


def _turn_start(common: Common, fields: Fields) -> list[Fact]:
    return [TurnStarted(**common, turn=_turn(fields))]


def _turn_complete(common: Common, fields: Fields) -> list[Fact]:
    """The turn repeats both messages, which are known; what a person put in between is only told here."""
    turn = _turn(fields)
    facts: list[Fact] = [TurnCompleted(**common, turn=turn, convergence=number(fields.convergence_score))]
    if is_object(fields.turn) and b'"intervention"' in bytes(fields.turn):
        said = member(msgspec.json.decode(fields.turn), "intervention")
        if said_text := text(member(said, "content")):
            who = text(member(said, "agent_id")) or "researcher"
            facts.append(UtteranceCompleted(**{**common, "key": ""}, agent_id=who, text=said_text, turn=turn))
    return facts


def _turn(fields: Fields) -> int:
    turn = whole(fields.turn_number)
    if turn is None:
        raise ValueError("a turn without a number")
    return turn


def _message(common: Common, fields: Fields) -> list[Fact]:
    said = fields.message
    content = text(said) or text(member(said, "content"))
    who = text(fields.agent_id) or text(member(said, "agent_id"))
    if content is None or who is None:
        raise ValueError("a message without a text or a speaker")
    total = whole(fields.total_tokens)
    return [
        UtteranceCompleted(
            **common,
            agent_id=who,
            text=content,
            turn=whole(fields.turn_number),
            duration_ms=number(fields.duration_ms),
            prompt_tokens=whole(fields.prompt_tokens),
            completion_tokens=whole(fields.completion_tokens),
            total_tokens=whole(fields.tokens_used) if total is None else total,
        )
    ]


def _thinking(common: Common, fields: Fields) -> list[Fact]:
    who, thought = text(fields.agent_id) or "", text(fields.thinking_content) or ""
    tokens = whole(fields.thinking_tokens)
    return [ThoughtCompleted(**common, agent_id=who, text=thought, turn=whole(fields.turn_number), tokens=tokens)]


def _usage(common: Common, fields: Fields) -> list[Fact]:
    prompt, completion = whole(fields.prompt_tokens), whole(fields.completion_tokens)
    total = whole(fields.total_tokens)
    if total is None:
        total = whole(fields.tokens_used)
    if total is None and prompt is not None and completion is not None:
        total = prompt + completion
    return [
        TokensSpent(
            **common,
            agent_id=text(fields.agent_id),
            provider=text(fields.provider),
            model=text(fields.model),
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
        )
    ]


def _error(common: Common, fields: Fields) -> list[Fact]:
    return [
        DialogueFailed(
            **common,
            agent_id=text(fields.agent_id),
            provider=text(fields.provider),
            error_type=text(fields.error_type) or text(fields.event_type) or "",
            message=text(fields.error_message) or "",
            retryable=fields.retryable if isinstance(fields.retryable, bool) else None,
        )
    ]


def _paused(common: Common, fields: Fields) -> list[Fact]:
    return [DialoguePaused(**common, turn=whole(fields.turn_number))]


def _resumed(common: Common, fields: Fields) -> list[Fact]:
    return [DialogueResumed(**common, turn=whole(fields.turn_number))]


def _truncated(common: Common, fields: Fields) -> list[Fact]:
    dropped = whole(fields.messages_dropped)
    return [
        ContextTruncated(
            **common, agent_id=text(fields.agent_id), turn=whole(fields.turn_number), messages_dropped=dropped
        )
    ]


def _phase(phase: str) -> Callable[[Common, Fields], list[Fact]]:
    def read(common: Common, fields: Fields) -> list[Fact]:
        return [ExperimentPhase(**common, phase=phase, status=text(fields.status))]

    return read


def activity(common: Common, fields: Fields) -> list[Fact]:
    """Something goes on, and that is all."""
    return [DialogueActivity(**common, what=text(fields.event_type) or "", agent_id=text(fields.agent_id))]


READERS: Mapping[str, Callable[[Common, Fields], list[Fact]]] = {
    "ConversationStartEvent": _start,
    "ConversationEndEvent": _end,
    "TurnStartEvent": _turn_start,
    "TurnCompleteEvent": _turn_complete,
    "MessageCompleteEvent": _message,
    "ThinkingCompleteEvent": _thinking,
    "TokenUsageEvent": _usage,
    "ErrorEvent": _error,
    "APIErrorEvent": _error,
    "ProviderTimeoutEvent": _error,
    "ContextLimitEvent": _error,
    "ConversationPausedEvent": _paused,
    "ConversationResumedEvent": _resumed,
    "ContextTruncationEvent": _truncated,
    "ExperimentCompleteEvent": _phase("ended"),
    "PostProcessingStartEvent": _phase("post_processing"),
    "PostProcessingCompleteEvent": _phase("ended"),
    **dict.fromkeys(
        (
            "SystemPromptEvent",
            "RateLimitPaceEvent",
            "MessageRequestEvent",
            "MessageChunkEvent",
            "InterruptRequestEvent",
            "MetricsCalculatedEvent",
            "ConversationBranchedEvent",
        ),
        activity,
    ),
}
"""Event type → what it means."""
