"""The lists there are: which question, which columns, and where a row leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from eventsrc.cli.cell import cell, label
from eventsrc.cli.fit import is_id
from eventsrc.cli.monitor.cells import Column, Row, ago, at, counted, lasted, plain, state, text_of
from eventsrc.plugin import Question

GENERIC = "list"
"""The question with which a read model that is not described here shows itself."""


class View(msgspec.Struct, frozen=True):
    """A list on the screen."""

    name: str
    model: str
    question: str
    key: tuple[str, ...]
    """Columns that tell rows apart, so that the cursor stays on its row."""
    columns: tuple[Column, ...] = ()
    """None: those of the answer."""
    takes: Mapping[str, str] = {}
    """Parameter of the question → column of the row that led here."""
    child: str = ""
    """The list that Enter leads to; "": the row itself, in full."""
    title: str = ""
    """Column of the row that led here which names what is shown."""
    active: str = ""
    """Column that is 1 for what is active; `a` shows only that."""


VIEWS = (
    View(
        "sessions",
        "agents",
        "overview",
        ("sid",),
        (
            Column("STATE", state, 10),
            Column("SESSION", lambda row, now: text_of(row["sid"])[:8], 8),
            plain("agent", "AGENT", 11, since=100),
            plain("round_number", "RND", 3, right=True),
            plain("tool_name", "TOOL", 9),
            ago("tool_start_time", "FOR", 7),
            ago("last_activity_time", "SEEN", 7),
            counted("input_tokens", "IN", 5),
            counted("output_tokens", "OUT", 5),
            counted("errors", "ERR", 3),
            plain("model", "MODEL", 24, since=150),
            plain("pid", "PID", 7, since=120, right=True),
            Column("WHAT", lambda row, now: text_of(row.get("title") or row.get("user_prompt") or row.get("cwd"))),
            plain("cwd", "FOLDER", 36, since=170),
        ),
        child="rounds",
        active="is_active",
    ),
    View(
        "rounds",
        "agents",
        "rounds",
        ("round_id",),
        (
            plain("round_number", "RND", 4, right=True),
            plain("state", "STATE", 10),
            at("start_time", "STARTED"),
            lasted("duration_ms", "TOOK", 8),
            plain("kind", "KIND", 10, since=120),
            plain("user_prompt", "PROMPT"),
            plain("reason", "REASON", 20, since=150),
        ),
        takes={"sid": "sid"},
        child="round",
        title="sid",
    ),
    View(
        "round",
        "agents",
        "round",
        ("flow_id", "block_index"),
        (
            plain("block_type", "BLOCK", 11),
            plain("tool_name", "TOOL", 12),
            ago("message_start", "AGO", 8),
            lasted("execution_duration_ms", "TOOK", 8),
            Column("", lambda row, now: "✗" if row.get("is_error") else "", 1),
            counted("total_bytes", "BYTES", 5),
            plain("agent_id", "BY", 10, since=120),
            plain("content", "CONTENT"),
            plain("result", "RESULT", 60, since=150),
        ),
        takes={"round_id": "round_id"},
        title="round_id",
    ),
    View(
        "experiments",
        "experiments",
        "list",
        ("id",),
        (
            plain("state", "STATE", 11),
            plain("id", "EXPERIMENT", 20),
            plain("active", "RUN", 4, right=True),
            plain("ended", "DONE", 4, right=True),
            plain("planned", "OF", 4, right=True),
            counted("failed", "FAIL", 4),
            counted("turns", "TURNS", 5),
            counted("tokens", "TOKENS", 6),
            counted("errors", "ERR", 3),
            plain("name", "NAME"),
            plain("agent_a_model", "MODEL A", 20, since=120),
            plain("agent_b_model", "MODEL B", 20, since=140),
        ),
        child="dialogues",
    ),
    View("dialogues", "experiments", "conversations", ("conversation_id",), (), {"id": "id"}, "said", "id"),
    View(
        "said",
        "experiments",
        "messages",
        ("conversation_id", "turn_number", "agent_id", "time"),
        (plain("turn_number", "TURN", 4, right=True), plain("agent_id", "BY", 12), plain("content", "CONTENT")),
        {"id": "conversation_id"},
        title="conversation_id",
    ),
    View("conversations", "conversations", "threads", ("thread_id",), (), {}, "thread"),
    View("thread", "conversations", "thread", ("message_id",), (), {"thread_id": "thread_id"}, title="thread_id"),
)


def offered(questions: Mapping[str, Sequence[Question]]) -> dict[str, View]:
    """Every list whose question is there, by name; `questions`: those of each read model, by its name."""
    asked = {(model, one.name) for model, all_ in questions.items() for one in all_}
    views = {view.name: view for view in VIEWS if (view.model, view.question) in asked}
    described = {view.model for view in views.values()}
    for model, all_ in questions.items():
        if model not in described and any(one.name == GENERIC and not one.arguments for one in all_):
            views[model] = View(model, model, GENERIC, ())
    return views


def roots(views: Mapping[str, View]) -> list[str]:
    """Names of the lists that need no row to begin with, in order."""
    return [name for name, view in views.items() if not view.takes]


def columns_of(view: View, names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a list, given those of the answer."""
    return view.columns or tuple(_generic(name) for name in names)


def key_of(view: View, row: Row, number: int) -> str:
    """What tells a row apart; its number, where nothing does."""
    return "\x1f".join(str(row.get(name)) for name in view.key) if view.key else str(number)


def _generic(name: str) -> Column:
    def text(row: Row, now: float) -> str:
        found = text_of(cell(name, row.get(name), 200))
        return found[:10] if is_id(name) else found

    return Column(label(name).upper(), text, -1, lambda row, now: row.get(name))
