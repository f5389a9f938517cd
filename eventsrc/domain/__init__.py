"""The vocabulary: what an event can mean. A format turns one event into any number of these; projections fold them.

Rules that every format and projection can rely on:

* A format is a pure function of *one* event. What needs memory (time zone of a producer, prompts that carry the
  round before, several records of one message) is repaired by the projection that keeps the memory.
* Every fold is idempotent by the ids given here and accepts any order: the same fact arrives from two sources,
  twice, or before what it belongs to.
* `None` (or `""` for ids) means "the record does not say", never "empty".
* Times are seconds since the epoch, UTC. Where a producer only writes local time, `time` is None and `Stamp` helps.

The structs are encoded as arrays with a tag, so that a batch of them crosses a process boundary cheaply: new fields go
to the end, with a default.

Must never know: how a producer spells these things. What survives a crash here: nothing, since nothing is stored;
facts are made again from the events whenever they are needed.
"""

from __future__ import annotations

from typing import TypeAlias

from eventsrc.domain.agents import (
    Activity,
    AgentFact,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ContextCompacted,
    ErrorReported,
    MessageEnded,
    MessageStarted,
    ProcessGone,
    ProcessSeen,
    PromptSubmitted,
    RoundEnded,
    RoundStarted,
    SessionEnded,
    SessionObserved,
    SessionStarted,
    ToolResultReceived,
    Unknown,
    UsageReported,
    Waiting,
)
from eventsrc.domain.base import AgentFactBase
from eventsrc.domain.conversations import (
    ConversationFact,
    ConversationFactBase,
    MessageExchanged,
    MessageRefused,
)
from eventsrc.domain.experiments import (
    ContextTruncated,
    DialogueActivity,
    DialogueDescribed,
    DialogueEnded,
    DialogueFailed,
    DialoguePaused,
    DialogueResumed,
    DialogueStarted,
    ExperimentDescribed,
    ExperimentFact,
    ExperimentFactBase,
    ExperimentLoaded,
    ExperimentPhase,
    ThoughtCompleted,
    TokensSpent,
    TurnCompleted,
    TurnStarted,
    UtteranceCompleted,
)
from eventsrc.domain.seen import MachineWoke, SeenFact, ToolCallEnded, ToolCallStarted

__all__ = [
    "Activity",
    "AgentFact",
    "AgentFactBase",
    "BlockCompleted",
    "BlockDelta",
    "BlockReceived",
    "BlockStarted",
    "ContextCompacted",
    "ContextTruncated",
    "ConversationFact",
    "ConversationFactBase",
    "DialogueActivity",
    "DialogueDescribed",
    "DialogueEnded",
    "DialogueFailed",
    "DialoguePaused",
    "DialogueResumed",
    "DialogueStarted",
    "ErrorReported",
    "ExperimentDescribed",
    "ExperimentFact",
    "ExperimentFactBase",
    "ExperimentLoaded",
    "ExperimentPhase",
    "Fact",
    "MachineWoke",
    "MessageEnded",
    "MessageExchanged",
    "MessageRefused",
    "MessageStarted",
    "ProcessGone",
    "ProcessSeen",
    "PromptSubmitted",
    "RoundEnded",
    "RoundStarted",
    "SeenFact",
    "SessionEnded",
    "SessionObserved",
    "SessionStarted",
    "ThoughtCompleted",
    "TokensSpent",
    "ToolCallEnded",
    "ToolCallStarted",
    "ToolResultReceived",
    "TurnCompleted",
    "TurnStarted",
    "Unknown",
    "UsageReported",
    "UtteranceCompleted",
    "Waiting",
]

Fact: TypeAlias = AgentFact | ConversationFact | ExperimentFact
"""Everything that a format can say; each part of the vocabulary is one file of this folder."""
