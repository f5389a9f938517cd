"""Branches as the log tells of them, and what differs between two checkpoints."""

from __future__ import annotations

from eventsrc.branch import STREAM, TYPE, Begun, Counted, Side, branches_of, difference
from tests.conformance.projections import event

FIRST = Begun("aaaaaaaa", "first", 10, "c1c1c1c1", "label", "0" * 64)
SECOND = Begun("bbbbbbbb", None, 0)


def test_a_branch_lasts_until_the_next_and_leaves_behind_what_came_after_its_base() -> None:
    told = [event(15, FIRST, type=TYPE, subject=STREAM), event(21, SECOND, type=TYPE, subject=STREAM)]
    second, first = branches_of(told, head=30)
    assert (first.branch, first.position, first.until, first.left_behind, first.events) == ("aaaaaaaa", 15, 20, 4, 5)
    assert (second.branch, second.until, second.left_behind, second.events) == ("bbbbbbbb", 30, 20, 9)


def test_a_log_without_branches_has_none() -> None:
    assert branches_of([], head=30) == []


def test_what_strangers_write_into_the_stream_is_no_branch() -> None:
    told = [
        event(1, {"base_position": "x"}, type=TYPE, subject=STREAM),
        event(2, b"[]", type=TYPE, subject=STREAM),
        event(3, FIRST, type="something.else", subject=STREAM),
        event(4, {"branch": "cccccccc", "name": None, "base_position": 2, "later": 1}, type=TYPE, subject=STREAM),
    ]
    assert [one.branch for one in branches_of(told, head=9)] == ["cccccccc"]


def side(id_: str, position: int, rows: dict[str, dict[str, int]], figures: dict[str, dict[str, int]]) -> Side:
    return Side(id_, None, "2026-01-10T10:00:00Z", position, rows, {}, figures)


def test_only_what_changed_is_told_and_only_of_what_both_know() -> None:
    older = side("a" * 8, 1, {"agents": {"rounds": 2, "messages": 5, "gone": 1}}, {"tokens": {"input": 10}})
    newer = side("b" * 8, 4, {"agents": {"rounds": 3, "messages": 5}, "new": {"rows": 9}}, {"tokens": {"input": 12}})
    events = Counted()
    events.add([event(2, {}, type="a"), event(3, {}, type="b", subject="x/1"), event(4, {}, type="b", subject="x/2")])
    found = difference(older, newer, events)
    assert found.rows == {"agents": {"rounds": 1, "gone": -1}}
    assert found.figures == {"tokens": {"input": 2}}
    assert (found.events, found.by_type, found.streams) == (3, {"b": 2, "a": 1}, {"session": 1, "x": 2})
