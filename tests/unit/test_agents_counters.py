"""Calls that a producer counts up: growth, repeats, counters that start anew, and files that begin with a copy."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from eventsrc.plugin import Fact, SessionObserved, UsageReported
from eventsrc.testing.given import Given
from projections.agents import Agents


def told(sid: str, total: int, own: int | None = None, *, model: str | None = None) -> UsageReported:
    """A record of a session that has used `total` tokens, all of them uncached input."""
    counter = (total, 0, 0, 0, 0)
    return UsageReported(
        sid=sid,
        time=1000.0 + total,
        usage_id=f"{sid}/tokens/{total}",
        rule="replace",
        model=model,
        input_tokens=own,
        output_tokens=None if own is None else 0,
        is_final=True,
        counter=counter,
    )


def only_counted(sid: str, total: int, own: int | None = None) -> UsageReported:
    """The same from a record that only counts."""
    return msgspec.structs.replace(told(sid, total, own), rule="count")


def copied(sid: str, original: str) -> SessionObserved:
    return SessionObserved(sid=sid, copy_of=original)


A: list[Fact] = [told("a", 10, 10), told("a", 30, 20), told("a", 60, 30)]
B: list[Fact] = [copied("b", "a"), told("b", 10, 10), told("b", 30, 20), told("b", 70, 40)]
C: list[Fact] = [copied("c", "b"), *[told("c", total, own) for total, own in ((10, 10), (30, 20), (70, 40), (75, 5))]]
FILES = {"a": A, "b": B, "c": C}


def spent(given: Given) -> dict[str, int]:
    rows = given.rows("SELECT sid, sum(input_tokens) FROM usage GROUP BY sid")
    sums = given.rows("SELECT sid, sum(input_tokens) FROM usage_totals GROUP BY sid")
    assert sorted(sums) == sorted(rows)
    return dict(rows)


@pytest.mark.parametrize("order", list(permutations("abc")), ids="".join)
@pytest.mark.parametrize("forget", [False, True])
def test_what_was_copied_is_the_originals_in_any_order_of_files_and_twice(
    tmp_path: Path, order: tuple[str, ...], forget: bool
) -> None:
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            facts = [fact for name in order for fact in FILES[name]]
            given.readings([given.reading(fact) for fact in facts], batches=[1] * len(facts), forget=forget)
            assert spent(given) == {"a": 60, "b": 40, "c": 5}


def test_that_it_is_a_copy_may_be_told_last(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(*A, *B[1:], *C[1:])
        assert spent(given) == {"a": 60, "b": 70, "c": 75}
        given.facts(C[0])
        assert spent(given) == {"a": 60, "b": 70, "c": 5}
        given.forget()
        given.facts(B[0])
        assert spent(given) == {"a": 60, "b": 40, "c": 5}


def test_sessions_that_are_no_copies_may_count_alike(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(told("a", 10, 10), told("b", 10, 10))
        assert spent(given) == {"a": 10, "b": 10}


def test_sessions_that_claim_to_copy_each_other_end_nowhere(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(
            copied("a", "b"), copied("b", "a"), copied("c", "c"), told("a", 1, 1), told("b", 1, 1), told("c", 1, 1)
        )
        assert sum(spent(given).values()) == 2


def test_a_record_without_numbers_of_its_own_is_the_growth_or_all_after_a_reset(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        walk = [told("a", 10), told("a", 10), told("a", 25, 15), told("a", 40), told("a", 7), told("a", 9)]
        for _ in range(2):
            given.readings([given.reading(fact) for fact in walk], batches=[1, 1, 1, 1, 1], forget=True)
            rows = given.rows("SELECT usage_id, input_tokens FROM usage ORDER BY usage_id")
            assert dict(rows) == {
                "a/tokens/10": 10, "a/tokens/25": 15, "a/tokens/40": 15, "a/tokens/7": 7, "a/tokens/9": 2,
            }  # fmt: skip


def test_where_calls_are_reported_one_by_one_a_counter_adds_nothing(tmp_path: Path) -> None:
    nameless = msgspec.structs.replace(told("a", 0, 30), usage_id="a/response/resp_1", counter=None)
    walk = [
        only_counted("a", 10, 10),  # an older version began the file
        told("a", 30, 20),
        only_counted("a", 30, 20),
        nameless,  # a record that does not say what was reached
        only_counted("a", 60, 30),
        told("a", 100, 40),
        only_counted("a", 101, 40),  # counted otherwise
    ]
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            given.readings([given.reading(fact) for fact in walk], batches=[1] * len(walk), forget=True)
            assert spent(given) == {"a": 10 + 20 + 30 + 40}


def test_the_model_is_the_one_that_the_session_went_on_with(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        walk: list[Fact] = [
            SessionObserved(sid="a", model="m1"),
            told("a", 10, 10),
            SessionObserved(sid="a", model="m2"),
            told("a", 30, 20),
            told("a", 40, 10, model="m3"),
        ]
        for _ in range(2):
            given.facts(*walk)
            rows = given.rows("SELECT usage_id, model FROM usage ORDER BY usage_id")
            assert rows == [("a/tokens/10", "m1"), ("a/tokens/30", "m2"), ("a/tokens/40", "m3")]
        given.facts(SessionObserved(sid="a", model="m4"), told("a", 30, 20))
        assert given.rows("SELECT model FROM usage WHERE usage_id = 'a/tokens/30'") == [("m2",)]
