"""Records as nobody writes them: those of the corpus with fields removed, or with anything in their place.

A format may refuse a record, with its reason; whatever it makes of one is folded by every read model."""

from __future__ import annotations

import copy
import json
import random
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
from eventsrc.projector.discovery import discover
from eventsrc.projector.feed import Feed
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
ANYTHING: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 10**18, 2**53 + 1, "", "x", "\ud800", "a" * 5_000, [], {}, [[]], [1, None]),
    *({"a": {}}, "2026-01-01T00:00:00Z", "{}", '{"a":1}'),
)
REFUSALS = ("ValidationError: ", "ValueError: ", "DecodeError: ")
"""How formats say that a record is not what it must be."""

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every member and every item of a value, at any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*place, name)
        yield from places(member, (*place, name))


def changed(value: Any, chance: random.Random) -> Any:
    """The value with one member or item removed, or with anything in its place."""
    found = list(places(value))
    if not found:
        return value
    *way, last = chance.choice(found)
    holder = value
    for name in way:
        holder = holder[name]
    if chance.random() < 0.3:
        del holder[last]
    else:
        holder[last] = copy.deepcopy(chance.choice(ANYTHING))
    return value


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def records(count: int, chance: random.Random) -> Iterator[Record]:
    paths = sorted(CORPUS.glob("*/*.jsonl"))
    lines = [(path.parent.name, line) for path in paths for line in path.read_bytes().splitlines() if is_json(line)]
    for number in range(count):
        name, line = chance.choice(lines)
        value = json.loads(line)
        for _ in range(chance.randint(1, 3)):
            value = changed(value, chance)
        yield Record(f"file:///{name}/x.jsonl", json.dumps(value).encode(), f"{number}")


def refused(count: int, seed: int, read_dir: Path) -> dict[str, dict[int, str]]:
    """Read model → position → why, of `count` records."""
    formats = Formats.load()
    made = enumerate(records(count, random.Random(seed)), 1)
    log = ListLog(event_of(record, formats.recognise(record), position=at) for at, record in made)
    site = Site(read_dir, Feed(lambda: (log, formats, join), workers=0), SystemDisk(), SystemClock())
    found: dict[str, dict[int, str]] = {}
    for result in rebuild(list(discover().projections.values()), site):
        assert result.error == ""
        with closing(sqlite3.connect(current(read_dir, result.name))) as connection:
            found[result.name] = dict(connection.execute("SELECT position, reason FROM dead_letters").fetchall())
    return found


def check(count: int, seed: int, read_dir: Path) -> None:
    found = refused(count, seed, read_dir)
    first, *others = found.values()
    assert all(other == first for other in others), "a read model stumbled over what a format made of a record"
    assert all(reason.startswith(REFUSALS) for reason in first.values()), set(first.values())
    assert len(first) < count / 5, "most of a record can be anything"


def test_no_read_model_stumbles_over_what_a_format_makes_of_any_record(tmp_path: Path) -> None:
    check(800, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_over_many_of_them(tmp_path: Path, seed: int) -> None:
    check(3_000, seed, tmp_path)
