"""Rows in memory, one class per table with its columns in order, and the cache that reads and writes them."""

from __future__ import annotations

import sqlite3
from typing import Any, Generic, TypeVar

import msgspec

from eventsrc.plugin import Gone

CACHE_ROWS = 20_000  # rows of one table kept in memory (about 10 MB); others are looked up by their key
CONTENT_ROWS = 4_000  # the same where rows hold texts: some KB each, and what is looked up again is recent
EVICTED = 2  # one in so many goes when there are too many, the oldest first: seldom, and the recent ones stay


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


R = TypeVar("R", bound=msgspec.Struct)


class Table(Generic[R]):
    """The rows of one table: memory first, then the database; what changed is written once per batch.

    Of a table that was empty at the start it is known which rows have left the memory, so that filling it asks for
    hardly any other.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, row: type[R], *, key: int = 1, keep: int = CACHE_ROWS
    ) -> None:
        """`key`: how many of the first columns are the primary key; `keep`: rows that stay in memory."""
        columns = row.__struct_fields__
        self._connection = connection
        self._row = row
        self._key = key
        self._keep = keep
        where = " AND ".join(f"{column} = ?" for column in columns[:key])
        self._select = f"SELECT {', '.join(columns)} FROM {name} WHERE {where}"
        self._replace = f"INSERT OR REPLACE INTO {name}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._delete = f"DELETE FROM {name} WHERE {where}"
        self._rows: dict[Any, R] = {}
        self._changed: dict[Any, R] = {}
        self._dropped: dict[Any, None] = {}
        self.began_empty = connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is None
        self._gone = Gone() if self.began_empty else None

    def get(self, key: Any) -> R | None:
        """The row with this key (a tuple when it has several columns); None when there is none."""
        row = self._rows.get(key)
        if row is not None or (self._gone is not None and key not in self._gone) or key in self._dropped:
            return row
        found = self._connection.execute(self._select, key if self._key > 1 else (key,)).fetchone()
        if found is None:
            return None
        row = self._rows[key] = self._row(*found)
        return row

    def put(self, key: Any, row: R) -> R:
        """A new row, or one that changed."""
        self._rows[key] = row
        self._changed[key] = row
        return row

    def drop(self, key: Any) -> None:
        """Takes a row away; its values may come back under another key."""
        self._rows.pop(key, None)
        self._changed.pop(key, None)
        self._dropped[key] = None

    def find(self, where: str, parameters: tuple[Any, ...]) -> R | None:
        """The first row that fulfils a condition, which must be true of rows in the database and of those in memory
        alike: flush first, or use it only for what cannot have changed in this batch."""
        found = self._connection.execute(f"{self._select.partition(' WHERE ')[0]} WHERE {where}", parameters).fetchone()
        if found is None:
            return None
        row = self._row(*found)
        key = found[0] if self._key == 1 else tuple(found[: self._key])
        return self._rows.setdefault(key, row)

    def all_with(self, column: str, where: str, values: dict[str, Any]) -> list[R]:
        """Every row whose columns have these values, as it is now, in the order of its key. `column`: the key;
        `where`: the same condition for the database, which has an index for it."""
        sql = self._select.partition(" FROM ")[2].partition(" WHERE ")[0]
        found = self._connection.execute(f"SELECT {column} FROM {sql} WHERE {where}", values)
        keys = {key for (key,) in found} | self._changed.keys()
        rows = (self.get(key) for key in sorted(keys))
        return [row for row in rows if row and all(getattr(row, name) == value for name, value in values.items())]

    def flush(self) -> None:
        """Writes what changed."""
        if self._dropped:  # first: what comes back under another key may hold a value that is unique
            keys = [key if self._key > 1 else (key,) for key in self._dropped]
            self._connection.executemany(self._delete, keys)
            self._dropped.clear()
        if self._changed:
            rows = [self._changed[key] for key in sorted(self._changed)]  # neighbours share pages of the tree
            self._connection.executemany(self._replace, map(msgspec.structs.astuple, rows))
            self._changed.clear()
        if len(self._rows) > self._keep:
            oldest = list(self._rows)[: len(self._rows) // EVICTED]
            for key in oldest:
                del self._rows[key]
            if self._gone is not None:
                self._gone.add(oldest)
