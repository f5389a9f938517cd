"""What was said, as turns in order: of one session, of one thread of messages, or of all messages between agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

AGENTS, CONVERSATIONS = "agents", "conversations"
USER = "user"
MOST = 100_000
"""Messages in one conversation: the most rows that an answer has."""
SAID = {"text": "answer", "thinking": "thinking", "redacted_thinking": "thinking"}
"""Type of a block → kind of a turn."""
CALLS = ("tool_use", "server_tool_use")

Row: TypeAlias = Mapping[str, Any]
Whole: TypeAlias = Callable[[str], str | None]
"""Id of a tool call → its result where that is too large for the rows; None when it is not to be had."""


class Ask(Protocol):
    """A named question of a read model as it stood at the base, one mapping per row. Raises `NotFound` without it."""

    def __call__(self, model: str, question: str, parameters: Mapping[str, Any], /) -> Sequence[Row]: ...


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call and what came of it."""

    id: str
    name: str
    input: str
    """As the agent wrote it, JSON as a rule."""
    result: str | None = None
    """None: there was none up to the base."""
    is_error: bool = False


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was said or done."""

    sender: str
    kind: str
    """`prompt`, `answer`, `thinking`, `tool`; for messages between agents what their writer says, `message` without."""
    text: str = ""
    recipient: str = ""
    time: float | None = None
    """Seconds since the epoch."""
    tool: Tool | None = None


class Conversation(msgspec.Struct, frozen=True):
    """Everything that was said up to the base."""

    kind: str
    """`session`, `thread` or `messages`."""
    name: str
    """Id of the session or thread; "" for all messages."""
    title: str
    turns: tuple[Turn, ...]
    agent: str = ""
    cwd: str | None = None
    """Where a session worked."""
    git_branch: str | None = None
    left_out: int = 0
    """Messages before the first one here: more than `MOST`."""

    @property
    def said(self) -> int:
        """Turns with words for somebody: prompts, answers, messages."""
        return sum(turn.kind not in ("tool", "thinking") for turn in self.turns)


def of_session(ask: Ask, sid: str, whole: Whole = lambda _call: None) -> Conversation | None:
    """A session whose id is `sid`; None when there is none.

    What sub-agents said among themselves is left out: what came of it stands in the result of the call."""
    rows = [row for row in ask(AGENTS, "session", {"sid": sid}) if row["sid"] == sid]
    if not rows:
        return None
    (session,) = rows
    turns: list[Turn] = []
    for round_ in ask(AGENTS, "rounds", {"sid": sid}):
        if round_["user_prompt"]:
            turns.append(Turn(USER, "prompt", round_["user_prompt"], session["agent"] or "", round_["start_time"]))
        blocks = ask(AGENTS, "round", {"round_id": round_["round_id"]})
        turns += [turn for block in blocks for turn in _of_block(block, session["agent"] or "agent", whole)]
    return Conversation(
        "session",
        sid,
        session["title"] or "",
        tuple(turns),
        session["agent"] or "",
        session["cwd"],
        session["git_branch"],
    )


def of_thread(ask: Ask, thread: str) -> Conversation | None:
    """The messages of a thread; None when there is none of that id."""
    rows = ask(CONVERSATIONS, "thread", {"thread_id": thread, "limit": MOST})
    return Conversation("thread", thread, thread, tuple(map(_of_message, rows))) if rows else None


def of_messages(ask: Ask) -> Conversation | None:
    """The messages between agents, the newest `MOST` of them; None when there are none."""
    rows = ask(CONVERSATIONS, "list", {"limit": MOST})
    if not rows:
        return None
    (totals,) = ask(CONVERSATIONS, "report_totals", {})
    turns = tuple(map(_of_message, rows[::-1]))
    left_out = totals["recorded"] - len(turns)
    return Conversation("messages", "", "messages between agents", turns, left_out=left_out)


def _of_block(row: Row, agent: str, whole: Whole) -> list[Turn]:
    """A block of a message as a turn; none for a message without blocks, or for what has no words."""
    if row["is_sidechain"] or row["block_type"] is None:
        return []
    time, content = row["message_start"], row["content"] or ""
    if row["block_type"] in CALLS:
        result = row["result"]
        if result is not None and (row["result_size"] or 0) > len(result.encode("utf-8", "replace")):
            result = whole(row["tool_use_id"] or "") or result
        tool = Tool(row["tool_use_id"] or "", row["tool_name"] or "", content, result, bool(row["is_error"]))
        return [Turn(agent, "tool", time=time, tool=tool)]
    kind = SAID.get(row["block_type"])
    return [Turn(agent, kind, content, time=time)] if kind and content.strip() else []


def _of_message(row: Row) -> Turn:
    return Turn(row["sender"], row["type"] or "message", row["text"], row["recipient"] or "", row["message_time"])
