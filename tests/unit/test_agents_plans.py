"""Every named question finds its rows by an index. What is walked through whole is small by its nature, and listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eventsrc.plugin import Question
from projections.agents import Agents
from tests.agents_filled import fill, sid_of

SMALL = {
    "awaited_results": "calls that wait for a result, the newest first, up to a limit",
    "sessions USING INDEX sessions_by_start": "newest first, up to a limit",
    "sessions USING INDEX sessions_active": "those that are active",
    "sessions USING COVERING INDEX sessions_by_activity": "the last ones, up to a screen",
    "s USING INDEX sessions_active": "those that are active",
    "s USING INDEX sessions_waiting": "those that wait for a person",
    "s USING INDEX sessions_by_start": "newest first, up to a limit",
    "c USING INDEX calls_running": "calls that run",
    "r USING INDEX runs_current": "runs that go on, up to a limit",
    "rounds USING INDEX rounds_open": "those that are open",
    "rounds USING INDEX rounds_orphaned": "those that are orphaned",
    "rounds USING INDEX rounds_unbalanced": "those without an end",
    "tool_totals": "a row per day and tool",
    "usage_totals": "a row per session and hour",
}
"""What may be walked through, and why it is small."""
OWN = ("CONSTANT", "(subquery", "parts", "p", "calls", "newest", "n", "a", "b", "states", "by_tool", "counted")
"""Names of the questions' own intermediate results."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = fill(tmp_path_factory.mktemp("agents") / "agents-1.db", 3_000, now=1_768_039_200.0)
    yield connection
    connection.close()


@pytest.mark.parametrize("question", Agents.questions, ids=lambda question: question.name)
def test_no_question_walks_through_a_table_that_grows(model: sqlite3.Connection, question: Question) -> None:
    values = {name: question.defaults.get(name) for name in question.parameters}
    steps = [row[3] for row in model.execute(f"EXPLAIN QUERY PLAN {question.sql}", values)]
    walked = [step.removeprefix("SCAN ") for step in steps if step.startswith("SCAN")]
    walked = [step for step in walked if not step.endswith(" CONSTANT ROWS")]
    strange = [
        step for step in walked if step.split("-")[0].split()[0] not in OWN and not step.startswith(tuple(SMALL))
    ]
    assert strange == []
    assert not any("AUTOMATIC" in step for step in steps), "SQLite builds an index for each answer"


def test_every_index_serves_a_question_or_the_fold(model: sqlite3.Connection) -> None:
    serve_the_fold = {"messages_of_agents", "blocks_by_tool", "errors_by_id", "rounds_open"}  # the last one: a view
    plans = ""
    for question in Agents.questions:
        values = {name: question.defaults.get(name) for name in question.parameters}
        plans += " ".join(row[3] for row in model.execute(f"EXPLAIN QUERY PLAN {question.sql}", values)) + " "
    indexes = {
        name for (name,) in model.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL")
    }
    assert {name for name in indexes if f"INDEX {name} " not in plans} - serve_the_fold == set()


def test_rows_pass_the_integrity_check_that_ends_a_rebuild(model: sqlite3.Connection) -> None:
    assert model.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for (table,) in model.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        keys = [number > 0 for (number,) in model.execute("SELECT pk FROM pragma_table_info(?)", (table,))]
        assert keys == sorted(keys, reverse=True), f"{table}: SQLite 3.40 checks columns before the key wrongly"


@pytest.mark.parametrize("view", ["incomplete_rounds", "pending_tool_calls"])
def test_views_find_their_rows_by_an_index(model: sqlite3.Connection, view: str) -> None:
    steps = [row[3] for row in model.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {view}")]
    assert not [
        step
        for step in steps
        if step.startswith("SCAN")
        and not step.startswith(("SCAN a", "SCAN c USING INDEX calls_running", "SCAN rounds USING", f"SCAN {view}"))
    ]


@pytest.mark.parametrize("name", ["{sid}/3", "{sid}#3", "{start}#3"])
def test_a_round_is_named_by_its_id_or_by_its_session_and_number(model: sqlite3.Connection, name: str) -> None:
    sid = sid_of(7)
    for question in Agents.questions:
        if question.arguments == ("round_id",):
            given = {"round_id": name.format(sid=sid, start=sid[:8])}
            expected = model.execute(question.sql, {"round_id": f"{sid}/3"}).fetchall()
            assert model.execute(question.sql, given).fetchall() == expected
    assert expected or question


@pytest.mark.parametrize("name", ["", "#", "#3", "538453d7", "538453d7#", "538453d7#99", "538453d7#3#", "5#x", "%#3"])
def test_what_names_no_round_or_several_finds_none(model: sqlite3.Connection, name: str) -> None:
    (question,) = (one for one in Agents.questions if one.name == "round")
    assert model.execute(question.sql, {"round_id": name}).fetchall() == []
