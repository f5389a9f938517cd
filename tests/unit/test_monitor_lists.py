"""Columns, order, filter and lines of the monitor: pure functions of rows, a width and a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from eventsrc.cli.monitor.cells import Row, age, compact, state
from eventsrc.cli.monitor.detail import text_of_row
from eventsrc.cli.monitor.heads import head
from eventsrc.cli.monitor.layout import fitted, holds, line, places, sorted_rows
from eventsrc.cli.monitor.views import VIEWS, View, columns_of, key_of, offered, roots
from eventsrc.limits import MONITOR_TEXT_CHARS
from eventsrc.plugin import Question
from projections.agents import Agents

NOW = 1_768_039_200.0
SESSIONS = next(view for view in VIEWS if view.name == "sessions")
ROW: Row = {
    "is_active": 1,
    "sid": "0cf3db51-1c73",
    "agent": "codex",
    "round_number": 3,
    "round_state": "open",
    "last_activity_time": NOW - 5,
    "title": "漢字 " * 30,
    "input_tokens": 1_234_567,
    "errors": 0,
}


class Shown:
    view = SESSIONS
    subject = words = problem = ""
    only_active = False
    seen = True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "works"),
        ({"last_activity_time": NOW - 31}, "silent"),
        ({"last_activity_time": None}, "works"),
        ({"round_state": "complete"}, "idle"),
        ({"round_state": None}, "idle"),
        ({"tool_name": "Bash", "last_activity_time": NOW - 3600}, "tool"),
        ({"tool_name": "Bash", "waiting_reason": "permission"}, "asks you"),
        ({"is_active": 0}, "open"),
        ({"is_active": 0, "round_state": "orphaned"}, "orphaned"),
        ({"is_active": 0, "round_state": None, "waiting_reason": "permission"}, "ended"),
    ],
)
def test_a_state_says_what_a_session_does(changes: Row, said: str) -> None:
    assert state({**ROW, **changes}, NOW) == said


def test_ages_and_numbers_are_short() -> None:
    assert [age(NOW - seconds, NOW) for seconds in (-5, 0.4, 59, 61, 7_300, 200_000, 5_000_000)] == [
        *("0s", "0s", "59s", "1m 01s", "2h 01m", "2d 7h", "58d"),
    ]
    assert [compact(number) for number in (None, 0, 7, 999, 1_000, 12_345, 1_234_567, 7.2e9)] == [
        *("", "", "7", "999", "1.0k", "12k", "1.2M", "7.2G"),
    ]
    assert age(None, NOW) == ""


@given(width=st.integers(12, 240))
def test_a_list_takes_exactly_the_width_there_is(width: int) -> None:
    shown = places(SESSIONS.columns, [ROW], width, NOW)
    cells = line(ROW, shown, NOW)
    assert sum(map(cell_len, cells)) == sum(place.width + 1 for place in shown) <= width
    if width >= 80:
        assert sum(map(cell_len, cells)) == width, "the text takes the rest"
        assert {place.column.title for place in shown} >= {"STATE", "SESSION", "TOOL", "IN", "OUT", "ERR", "WHAT"}


@given(text=st.text(max_size=50), width=st.integers(1, 40), right=st.booleans())
def test_a_cell_is_as_wide_as_its_column(text: str, width: int, right: bool) -> None:
    assert cell_len(fitted(text, width, right=right)) == width + 1


def test_rows_without_a_value_come_last_whichever_way_they_are_sorted() -> None:
    column = next(one for one in SESSIONS.columns if one.title == "IN")
    rows: list[Row] = [{"input_tokens": number} for number in (5, None, 100, 30)]
    for down, expected in ((True, [100, 30, 5, None]), (False, [5, 30, 100, None])):
        assert [row["input_tokens"] for row in sorted_rows(rows, column, down=down, now=NOW)] == expected
    assert sorted_rows(rows, None, down=True, now=NOW) == rows


def test_a_filter_wants_every_word_in_whatever_column_or_id() -> None:
    for words, found in (("CODEX works", True), ("codex idle", False), ("1c73", True), ("", True), ("漢字", True)):
        assert holds(ROW, SESSIONS.columns, words, NOW) is found


@given(
    width=st.integers(20, 200), counts=st.dictionaries(st.sampled_from(["stalled", "open_rounds"]), st.integers(0, 9))
)
def test_the_line_above_fits(width: int, counts: dict[str, int]) -> None:
    assert cell_len(head(Shown(), counts, 5, width)) <= width


def test_counts_that_are_nothing_give_way_first() -> None:
    counts = {"active_sessions": 0, "open_rounds": 0, "pending_tools": 0, "stalled": 3, "orphaned_rounds": 0}
    assert "3 stalled" in head(Shown(), counts, 5, 40) and "0 " not in head(Shown(), counts, 5, 30)


def test_lists_are_offered_when_their_question_is_there() -> None:
    things = (Question("list", "SELECT 1 AS n", "All."),)
    views = offered({"agents": Agents.questions, "things": things, "silent": ()})
    assert roots(views) == ["sessions", "things"]
    assert views["rounds"].takes == {"sid": "sid"} and "experiments" not in views
    names = ("thing_id", "start_time", "is_new")
    assert [one.title for one in columns_of(views["things"], names)] == ["THING_ID", "START", "IS_NEW"]


@pytest.mark.parametrize("view", [view for view in VIEWS if view.model == "agents"], ids=lambda view: view.name)
def test_every_list_names_what_its_question_answers(view: View) -> None:
    (question,) = (one for one in Agents.questions if one.name == view.question)
    assert set(view.takes) == set(question.arguments)
    assert all(name in question.sql for name in (*view.key, *view.takes.values()) if name != "round_id")
    parent = next((one for one in VIEWS if one.child == view.name), None)
    assert parent is not None or not view.takes


def test_rows_are_told_apart_by_their_key_or_else_by_their_number() -> None:
    assert key_of(SESSIONS, ROW, 4) == "0cf3db51-1c73"
    assert key_of(View("x", "x", "list", ()), ROW, 4) == "4"


def test_a_row_in_full_shows_json_in_lines_and_cuts_what_nobody_reads() -> None:
    text = text_of_row(
        {"tool_name": "Bash", "content": '{"command":"ls"}', "result": "x" * (MONITOR_TEXT_CHARS + 7)}
    ).plain
    assert '{\n  "command": "ls"\n}' in text and "7 characters more" in text
    assert "␛" in text_of_row({"content": "\x1b[2J\ud800"}).plain
