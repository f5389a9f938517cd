"""A number of twenty digits, wherever a producer may write one, costs no event its place in a read model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.formats.counting import count
from eventsrc.limits import COUNT_MOST
from eventsrc.projector.discovery import discover
from eventsrc.projector.feed import Feed
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
HUGE = (10**20, -(10**20))
NAMED = {"ValueError: a block without an index", "ValueError: a turn without a number"}
"""Where the number is the thing itself there is nothing to put in its place."""

Place = tuple[str | int, ...]


def enlarged(value: Any, place: Place = ()) -> Iterator[tuple[Any, Place]]:
    """The value with one of its numbers made huge, for each of them, also inside of JSON that is inside of a text."""
    match value:
        case bool():
            return
        case int():
            yield from ((huge, place) for huge in HUGE)
        case dict():
            for key, member in value.items():
                yield from (({**value, key: made}, where) for made, where in enlarged(member, (*place, key)))
        case list():
            for number, member in enumerate(value):
                changed = enlarged(member, (*place, number))
                yield from (([*value[:number], made, *value[number + 1 :]], where) for made, where in changed)
        case str() if value.startswith("{"):
            yield from ((json.dumps(made), where) for made, where in enlarged(decoded(value), (*place, "in it")))


def decoded(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def records() -> list[Record]:
    """One for each place of a number in each file of the corpus."""
    found: list[Record] = []
    for path in sorted(CORPUS.glob("*/*.jsonl")):
        seen = set[Place]()
        for line in path.read_bytes().splitlines():
            for value, place in enlarged(decoded(line)):
                names = tuple(name for name in place if isinstance(name, str))
                if names not in seen:
                    seen.add(names)
                    found.append(
                        Record(f"file:///{path.parent.name}/x.jsonl", json.dumps(value).encode(), f"{len(found)}")
                    )
    return found


def test_no_read_model_stumbles_over_one(tmp_path: Path) -> None:
    formats, made = Formats.load(), records()
    assert len(made) > 200
    log = ListLog(event_of(record, formats.recognise(record), position=at) for at, record in enumerate(made, 1))
    site = Site(tmp_path, Feed(lambda: (log, formats, join), workers=0), SystemDisk(), SystemClock())
    for result in rebuild(list(discover().projections.values()), site):
        assert result.error == ""
        with closing(sqlite3.connect(current(tmp_path, result.name))) as connection:
            assert {reason for (reason,) in connection.execute("SELECT reason FROM dead_letters")} <= NAMED


@pytest.mark.parametrize("value", [True, None, "1", 1.5, COUNT_MOST + 1, -COUNT_MOST - 1])
def test_what_nothing_is_counted_in_is_no_count(value: object) -> None:
    assert count(value) is None


@pytest.mark.parametrize("value", [0, -1, COUNT_MOST, -COUNT_MOST])
def test_everything_else_is(value: int) -> None:
    assert count(value) == value
