"""Rows as they stand in memory: one class per table, with its columns in order."""

from __future__ import annotations

import msgspec


class Session(msgspec.Struct):
    """`sessions`"""

    sid: str
    agent: str | None = None
    pid: int | None = None
    start_time: float | None = None
    end_time: float | None = None
    is_active: int = 0
    last_activity_time: float | None = None
    parent_sid: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    title: str | None = None
    metadata: str = "{}"
    model: str | None = None
    title_rank: int = 0
    round_count: int = 0
    current_round: str | None = None
    open_rounds: str = "[]"
    zone_offset: float | None = None
    waiting_reason: str | None = None
    held_prompt: str | None = None
    """A prompt that may belong to the round which begins next (JSON)."""
    waiting_tool: str | None = None
    """The tool call that `waiting_reason` is about."""
    waiting_time: float | None = None
    """Since when."""
    went_on_time: float | None = None
    """When it last went on after a person was waited for, or without one: what was said to wait before is over."""


class Run(msgspec.Struct):
    """`runs`"""

    sid: str
    pid: int
    start_time: float
    end_time: float | None = None
    exit_reason: str | None = None
    last_time: float = 0.0
    process_started: float | None = None
    boot_id: str | None = None
    exit_code: int | None = None
    is_current: int = 1


class Round(msgspec.Struct):
    """`rounds`"""

    round_id: str
    sid: str
    pid: int | None = None
    round_number: int = 0
    start_time: float | None = None
    end_time: float | None = None
    duration_ms: float | None = None
    has_user_prompt: int = 0
    has_stop: int = 0
    is_complete: int = 0
    is_aborted: int = 0
    state: str = "warm_up"
    user_prompt: str | None = None
    user_prompt_time: float | None = None
    last_activity_time: float | None = None
    kind: str | None = None
    reason: str | None = None
    evidence: int = 0
    """How strong the evidence of its end is; see `rounds.py`."""
    last_said: str | None = None
    """Type of the last block that the model's main chain received whole."""
    begun: int = 0
    """1: a record said that it began, so one will say that it ended."""


class Prompt(msgspec.Struct):
    """`prompts`"""

    prompt_id: str
    round_id: str


class Alias(msgspec.Struct):
    """`flows`"""

    alias: str
    flow_id: str


class Message(msgspec.Struct):
    """`messages`"""

    flow_id: str
    request_id: str | None = None
    sid: str = ""
    pid: int | None = None
    round_id: str | None = None
    agent_id: str | None = None
    is_sidechain: int = 0
    role: str | None = None
    model: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    stop_reason: str | None = None
    is_complete: int = 0
    message_id: str | None = None
    parent_tool_use_id: str | None = None
    block_count: int = 0
    """The next free index."""
    streamed_blocks: int = 0
    """Blocks that came as a stream and were not yet matched with a whole copy."""


class Block(msgspec.Struct):
    """`content_blocks`"""

    flow_id: str
    block_index: int
    block_type: str | None = None
    tool_use_id: str | None = None
    tool_name: str | None = None
    start_time: float | None = None
    complete_time: float | None = None
    delta_count: int = 0
    total_bytes: int = 0
    content: str = ""
    delta_file_path: str | None = None
    is_complete: int = 0
    sid: str = ""
    round_id: str | None = None
    last_time: float | None = None
    block_key: str | None = None
    """Set when the whole block was received: pieces then add nothing."""
    replayed: int | None = None
    """How much of the content was streamed once more since the block was started again."""


class BlockKey(msgspec.Struct):
    """`block_keys`"""

    block_key: str
    flow_id: str
    block_index: int


class Result(msgspec.Struct):
    """`tool_results`"""

    tool_use_id: str
    flow_id: str | None = None
    block_index: int | None = None
    result_time: float | None = None
    is_error: int | None = None
    content_size: int = 0
    content_preview: str = ""
    content_file_path: str | None = None
    execution_duration_ms: float | None = None
    content: str | None = None
    result_id: str | None = None
    measured_ms: float | None = None
    sid: str = ""
    tool_name: str | None = None
    """That of the call, so that results can be counted per tool without looking the calls up."""
    stands_in: int = 0
    """1: what the model was shown is not known yet."""


class Usage(msgspec.Struct):
    """`usage`"""

    usage_id: str
    sid: str
    flow_id: str | None = None
    origin: str = "message"
    time: float | None = None
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    reasoning_tokens: int = 0
    is_final: int = 0
    is_sidechain: int = 0
    request_id: str | None = None
    first_time: float | None = None
    source: str = ""
    """Where the kept record stands: of copies that say the same, the source that sorts first owns the call."""
    rule: str = "largest"

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens
