"""What coding agents did: sessions, rounds, messages, blocks, tool results, usage, signs of life."""

from __future__ import annotations

from typing import TypeAlias

from eventsrc.domain.base import AgentFactBase
from eventsrc.domain.seen import SeenFact

# --- sessions, runs, rounds ----------------------------------------------------------------------------------------


class SessionObserved(AgentFactBase, frozen=True, kw_only=True):
    """Attributes of a session that a record mentions. The last value that is not None wins."""

    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    title: str | None = None
    title_rank: int = 0
    """custom title 3 > generated title 2 > summary 1: a lower rank never replaces a higher one."""
    parent_sid: str | None = None
    model: str | None = None
    metadata: dict[str, str] = {}
    title_of: str = ""
    """Record (uuid) whose session the title is for, when `sid` does not name that session."""
    copy_of: str | None = None
    """Session with whose records this one's begin, written once more: calls counted there are not counted here."""


class SessionStarted(AgentFactBase, frozen=True, kw_only=True):
    """A process began (or resumed) a session: a new run."""

    source: str = ""
    """`new`, `resume`, `fork`, `startup`, `clear`, …"""
    process_started: float | None = None
    """Start time of the process, when known: pid alone does not name a process."""


class SessionEnded(AgentFactBase, frozen=True, kw_only=True):
    """A run ended by itself."""

    reason: str = ""


class PromptSubmitted(AgentFactBase, frozen=True, kw_only=True):
    """A prompt: opens a round."""

    prompt: str
    prompt_id: str = ""
    """Identity of the prompt record (uuid); "" when it has none. Equal ids are the same prompt."""
    kind: str = "prompt"
    """`prompt`, `command`, `notification`, `peer`, or `queued` (delivered into the running round: opens none)."""
    voice: str = ""
    """Kind of the record, where a producer tells of one prompt in several: equal texts in two voices are one prompt."""


class RoundStarted(AgentFactBase, frozen=True, kw_only=True):
    """A round began, as the producer says: what names no round belongs to it, a prompt too, until its end is told."""


class RoundEnded(AgentFactBase, frozen=True, kw_only=True):
    """Evidence that a round ended; the strongest wins: complete > aborted > session end > superseded > gone."""

    outcome: str
    """`complete`, `aborted` or `failed`."""
    reason: str = ""
    explicit: bool = True
    """False when inferred by the format (for example a final text without a marker)."""
    prompt_id: str = ""
    """The prompt of the round that ended, when the record names it."""
    last_text: str = ""
    """The last answer of the round as this record repeats it: for display where no block holds it, never a block."""


# --- messages and blocks -------------------------------------------------------------------------------------------
# Flow key: `request_id` if not empty, else `message_id`; a projection keeps the map between the two.


class MessageStarted(AgentFactBase, frozen=True, kw_only=True):
    """A model's answer (or a user's message) begins, or a record mentions it again."""

    message_id: str = ""
    request_id: str = ""
    role: str = "assistant"
    model: str | None = None
    is_sidechain: bool = False
    agent_id: str | None = None
    """Sub-agent that the message belongs to."""
    parent_tool_use_id: str | None = None
    stream: str = ""
    """Name that records which follow use as the message id: it stands for this message until the next one begins."""


class MessageEnded(AgentFactBase, frozen=True, kw_only=True):
    """What a producer says at the end of a message; `stopped` tells the stop record from the stop reason."""

    message_id: str = ""
    request_id: str = ""
    stop_reason: str | None = None
    stopped: bool = False


class BlockStarted(AgentFactBase, frozen=True, kw_only=True):
    """A content block opens. `block_type` is open-ended: text, thinking, tool_use, server_tool_use, …"""

    message_id: str = ""
    request_id: str = ""
    index: int
    block_type: str
    tool_use_id: str | None = None
    tool_name: str | None = None
    text: str = ""
    """What the start record already holds of the content."""


class BlockDelta(AgentFactBase, frozen=True, kw_only=True):
    """Streamed pieces of one block, in the order of the source. Neighbouring pieces of one block may be joined into one
    (`joined`), which changes nothing that a projection can see: text, count, bytes and both times add up."""

    message_id: str = ""
    request_id: str = ""
    index: int
    kind: str
    """`text`, `thinking`, `signature` or `json`: separate buffers of one block."""
    text: str
    count: int = 1
    last_time: float | None = None
    """Time of the last piece when several were joined."""
    last_local: float | None = None


class BlockCompleted(AgentFactBase, frozen=True, kw_only=True):
    """A streamed block is whole."""

    message_id: str = ""
    request_id: str = ""
    index: int


class BlockReceived(AgentFactBase, frozen=True, kw_only=True):
    """A whole block, from producers that do not stream. The index is the next free one of the message; `key` makes the
    fold idempotent. A tool block that was streamed before (same `tool_use_id`) is the same block."""

    message_id: str = ""
    request_id: str = ""
    key: str
    """Identity of the block across copies, e.g. `<uuid>#<number within the record>`."""
    block_type: str
    content: str
    """Text, thinking, or the tool input as JSON text."""
    tool_use_id: str | None = None
    tool_name: str | None = None


class ToolResultReceived(AgentFactBase, frozen=True, kw_only=True):
    """The result of a tool call as the model sees it."""

    tool_use_id: str
    content: str
    is_error: bool | None = None
    """None when the record does not say."""
    result_id: str = ""
    """Identity of the record, to tell copies from repeats."""
    duration_ms: float | None = None
    """Execution time, when the producer measured it."""
    parent_tool_use_id: str | None = None
    """The call of the sub-agent that made this call, when the record names it."""
    stands_in: bool = False
    """The tool's own end: its content stands in until a record tells what the model was shown."""


class UsageReported(AgentFactBase, frozen=True, kw_only=True):
    """Tokens of one model call, as far as a record knows them. `input_tokens` is uncached input.

    How records of one call combine is named by `rule`:
    `largest`: keep the whole record with the largest total, ties keep the first (transcripts);
    `replace`: every non-None field replaces (streams);
    `add`: this record stands for itself (counters that already are differences);
    `count`: as `replace`, and nothing where the session's calls are reported one by one.
    """

    usage_id: str
    """Identity of the call: message id, response id … Records with equal ids are one call."""
    message_id: str = ""
    request_id: str = ""
    origin: str = "message"
    """`message`; `progress`: a sub-agent known only from its parent's progress records; `iteration`: work beside the
    answer (a compaction, a model that declined) that the answer's own numbers leave out."""
    rule: str = "largest"
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    is_final: bool = False
    is_sidechain: bool = False
    counter: tuple[int, ...] | None = None
    """What the session had used after this call: (uncached input, output, cache creation, cache read, reasoning). Where
    the record does not say what the call itself used, it is the growth of this."""


# --- what is seen around the agent -----------------------------------------------------------------------------------


class ErrorReported(AgentFactBase, frozen=True, kw_only=True):
    """A failure that the producer recorded (API error, retry, refusal)."""

    error_type: str = ""
    message: str = ""
    retryable: bool | None = None
    error_id: str = ""
    """Identity of the record, to tell copies from repeats; "" when it has none."""


class Waiting(AgentFactBase, frozen=True, kw_only=True):
    """The agent waits for a person (permission prompt, question), or does so no more."""

    waiting: bool
    reason: str = ""
    tool_use_id: str | None = None
    tool_name: str = ""
    """The tool that it waits for, where the record names no call; with `tool_input` it is the latest such call."""
    tool_input: str = ""
    """JSON text, spelled like that of `ToolCallStarted`."""


class ContextCompacted(AgentFactBase, frozen=True, kw_only=True):
    """The context was compacted; not a prompt, not a new round."""

    trigger: str = ""
    tokens_before: int | None = None
    tokens_after: int | None = None


class ProcessSeen(AgentFactBase, frozen=True, kw_only=True):
    """A watched process is alive; identity is (boot, pid, start time)."""

    process_started: float | None = None
    boot_id: str = ""


class ProcessGone(AgentFactBase, frozen=True, kw_only=True):
    """A watched process is no longer there, or its pid belongs to another one now."""

    reason: str = "gone"
    """`exited`, `reused`, `rebooted`, `gone`."""
    process_started: float | None = None
    exit_code: int | None = None


class Activity(AgentFactBase, frozen=True, kw_only=True):
    """A sign of life with no other meaning here."""

    what: str = ""


class Unknown(AgentFactBase, frozen=True, kw_only=True):
    """The format knows the producer but not this record: kept, counted, shown."""

    what: str = ""


AgentFact: TypeAlias = (
    SessionObserved
    | SessionStarted
    | SessionEnded
    | PromptSubmitted
    | RoundStarted
    | RoundEnded
    | MessageStarted
    | MessageEnded
    | BlockStarted
    | BlockDelta
    | BlockCompleted
    | BlockReceived
    | ToolResultReceived
    | UsageReported
    | ErrorReported
    | Waiting
    | ContextCompacted
    | ProcessSeen
    | ProcessGone
    | Activity
    | Unknown
    | SeenFact
)
