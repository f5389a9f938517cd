"""What happened in experiments: runs of dialogues between two models, their turns and messages, and what the program
that runs them says about itself.

A dialogue is one conversation of an experiment; it belongs to the experiment whose manifest stands in its folder. A
manifest is only what somebody claimed at a time: what happened is in the dialogues' own events.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class ExperimentFactBase(
    msgspec.Struct, frozen=True, array_like=True, tag=True, kw_only=True, gc=False, omit_defaults=True
):
    """What every domain event of an experiment carries. It belongs to no session of a coding agent."""

    dialogue_id: str = ""
    """The producer's conversation id; "" when the record is about the whole experiment."""
    experiment_id: str = ""
    """As the record names it; most records name none."""
    folder: str = ""
    """Where the record stands, without the file's name: it ties a dialogue to the manifest beside it."""
    time: float | None = None
    """When it happened: seconds since the epoch."""
    local: float | None = None
    """Local wall time without zone, as if it were UTC seconds, where `time` is None."""
    key: str = ""
    """Identity of the event within its dialogue, from what it says itself (time as written, type, who, number): the
    same event from a file that was read again, or from a copy, has the same key."""


class ExperimentDescribed(ExperimentFactBase, frozen=True, kw_only=True):
    """A manifest as it stood at one time; the next one replaces it. None: it does not say."""

    name: str | None = None
    status: str | None = None
    error: str | None = None
    created: float | None = None
    started: float | None = None
    completed: float | None = None
    planned: int | None = None
    """Dialogues that the experiment shall have."""
    claimed_completed: int | None = None
    claimed_failed: int | None = None
    config: str | None = None
    """JSON text."""
    dialogues: tuple[DialogueDescribed, ...] = ()


class DialogueDescribed(msgspec.Struct, frozen=True, array_like=True):
    """What a manifest claims of one dialogue."""

    dialogue_id: str
    status: str | None = None
    total_turns: int | None = None
    last_line: int | None = None
    total_tokens: int | None = None
    error: str | None = None


class ExperimentPhase(ExperimentFactBase, frozen=True, kw_only=True):
    """The program that runs the experiment went on to `post_processing`, or `ended` it."""

    phase: str
    status: str | None = None


class ExperimentLoaded(ExperimentFactBase, frozen=True, kw_only=True):
    """An experiment was loaded into the analytics database."""

    rows: int = 0
    rejected: int = 0
    """Lines that could not be loaded."""
    through: int = 0
    """Position of the experiment's last event when the load began: what came later is not in it."""


class DialogueStarted(ExperimentFactBase, frozen=True, kw_only=True):
    """Two models begin to talk."""

    agent_a_model: str | None = None
    agent_b_model: str | None = None
    agent_a_name: str | None = None
    agent_b_name: str | None = None
    initial_prompt: str | None = None
    max_turns: int | None = None
    temperature_a: float | None = None
    temperature_b: float | None = None


class DialogueEnded(ExperimentFactBase, frozen=True, kw_only=True):
    """The end that the producer wrote; a dialogue can have several, the first decides."""

    reason: str = ""
    total_turns: int | None = None
    duration_ms: float | None = None
    status: str | None = None
    error: str | None = None


class DialoguePaused(ExperimentFactBase, frozen=True, kw_only=True):
    """Nothing goes on until it is resumed."""

    turn: int | None = None


class DialogueResumed(ExperimentFactBase, frozen=True, kw_only=True):
    """It goes on after a pause."""

    turn: int | None = None


class DialogueFailed(ExperimentFactBase, frozen=True, kw_only=True):
    """An error on the way, which need not be the end."""

    agent_id: str | None = None
    provider: str | None = None
    error_type: str = ""
    message: str = ""
    retryable: bool | None = None


class DialogueActivity(ExperimentFactBase, frozen=True, kw_only=True):
    """A sign of life with no other meaning here: a request, a chunk, a pause for a rate limit, a system prompt."""

    what: str = ""
    agent_id: str | None = None


class TurnStarted(ExperimentFactBase, frozen=True, kw_only=True):
    """A turn opens; it counts from 0."""

    turn: int


class TurnCompleted(ExperimentFactBase, frozen=True, kw_only=True):
    """Both have spoken."""

    turn: int
    convergence: float | None = None
    """How alike the two speak, 0 to 1. 0.0 is a value."""


class UtteranceCompleted(ExperimentFactBase, frozen=True, kw_only=True):
    """One of them has spoken. The turn is the one that is open."""

    agent_id: str
    text: str
    turn: int | None = None
    """Only where the record says so."""
    duration_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class ThoughtCompleted(ExperimentFactBase, frozen=True, kw_only=True):
    """What one of them thought before it spoke."""

    agent_id: str
    text: str
    turn: int | None = None
    tokens: int | None = None


class TokensSpent(ExperimentFactBase, frozen=True, kw_only=True):
    """Tokens of one call of a model."""

    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class ContextTruncated(ExperimentFactBase, frozen=True, kw_only=True):
    """Messages were left out of a request because they no longer fitted."""

    agent_id: str | None = None
    turn: int | None = None
    messages_dropped: int | None = None


ExperimentFact: TypeAlias = (
    ExperimentDescribed
    | ExperimentPhase
    | ExperimentLoaded
    | DialogueStarted
    | DialogueEnded
    | DialoguePaused
    | DialogueResumed
    | DialogueFailed
    | DialogueActivity
    | TurnStarted
    | TurnCompleted
    | UtteranceCompleted
    | ThoughtCompleted
    | TokensSpent
    | ContextTruncated
)
