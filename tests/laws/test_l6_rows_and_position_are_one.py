"""L6: rows and position commit in one transaction, so each event changes each read model exactly once.

Shown by dying at every SQL statement of a run: the files are copied as they stand when the statement begins, which is
what a killed process leaves behind (the page cache survives it). Every copy must be the fold of a whole prefix of the
log, and must go on from there to the same rows.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import ReadModelBroken
from eventsrc.event import Position
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.feed import Feed
from eventsrc.projector.store import Store
from tests.conformance.projections import ListLog, Rows, rows
from tests.conformance.prompts import Notes, Prompts, join, notes

COUNT = 60
BATCH = 12


def _feed(log: ListLog) -> Feed:
    return Feed(lambda: (log, Notes(), join), workers=0)


def _opened(path: Path, feed: Feed) -> ReadModel:
    return ReadModel(Store.open(path, Prompts), feed, str(path.with_suffix(".files")))


def _run(model: ReadModel, feed: Feed) -> None:
    while model.position < COUNT:
        model.apply(feed.portion(model.position, min(model.position + BATCH, COUNT)))
    model.close()
    model.store.close()


def _prefix(folder: Path, log: ListLog, position: Position) -> Rows:
    """The rows of the first `position` events, applied in one batch by a run that nothing disturbs."""
    path = folder / f"{position}.db"
    Store.create(path, Prompts).finish(SystemDisk())
    feed = _feed(log)
    model = _opened(path, feed)
    if position:
        model.apply(feed.portion(0, position))
    model.close()
    model.store.close()
    return rows(path)


@pytest.mark.parametrize("poison", [(), (1,), (30,), (13, 14, 24, 25, 60)])
def test_killed_at_every_statement_the_rows_are_those_of_a_whole_prefix(
    tmp_path: Path, poison: tuple[Position, ...]
) -> None:
    log = ListLog(notes(COUNT, poison=poison))
    expected = tmp_path / "expected"
    expected.mkdir()
    path = tmp_path / "live.db"
    Store.create(path, Prompts).finish(SystemDisk())
    feed = _feed(log)
    model = _opened(path, feed)
    copies: list[Path] = []

    def die(_statement: str) -> None:
        copy = tmp_path / f"copy{len(copies)}.db"
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
        copies.append(copy)

    model.store.connection.set_trace_callback(die)
    _run(model, feed)
    whole = rows(path)
    prefixes: dict[Position, Rows] = {}
    for copy in copies:
        survivor = _opened(copy, feed)
        position = survivor.position
        if position not in prefixes:
            prefixes[position] = _prefix(expected, log, position)
        assert rows(copy) == prefixes[position]
        _run(survivor, feed)
        assert rows(copy) == whole
    assert len(copies) > 20
    assert {0, BATCH, 2 * BATCH, 3 * BATCH, 4 * BATCH, COUNT} <= set(prefixes), "death came before, between and after"


def test_a_batch_that_fails_at_any_event_is_undone_as_a_whole_and_applied_once(tmp_path: Path) -> None:
    log = ListLog(notes(COUNT))
    expected = _prefix(tmp_path, log, COUNT)

    class Stumbling(Prompts):
        fails = itertools.count()
        at = -1

        def flush(self) -> None:
            super().flush()
            if next(Stumbling.fails) == Stumbling.at:
                raise OSError(5, "Input/output error")

    for at in range(COUNT // BATCH):
        path = tmp_path / f"stumble{at}.db"
        Store.create(path, Stumbling).finish(SystemDisk())
        feed = _feed(log)
        model = ReadModel(Store.open(path, Stumbling), feed, "files")
        Stumbling.fails, Stumbling.at = itertools.count(), at
        with pytest.raises(ReadModelBroken, match="Input/output error"):
            _run(model, feed)
        assert model.position == at * BATCH
        _run(model, feed)
        assert rows(path) == expected


def test_a_second_writer_cannot_apply_the_same_events_again(tmp_path: Path) -> None:
    log = ListLog(notes(COUNT))
    path = tmp_path / "shared.db"
    Store.create(path, Prompts).finish(SystemDisk())
    feed = _feed(log)
    first, second = _opened(path, feed), _opened(path, feed)
    first.apply(feed.portion(0, COUNT))
    before = rows(path)
    with pytest.raises(Exception, match="something else moved its position"):
        second.apply(feed.portion(0, COUNT))
    assert rows(path) == before
    for model in (first, second):
        model.close()
        model.store.close()
