"""Rebuilds: beside the live one, several at once, interrupted, in parallel."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import sqlite3
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import DiskFull, LogCorrupt, RebuildRunning
from eventsrc.event import Event
from eventsrc.plugin import Reading
from eventsrc.projector import parallel
from eventsrc.projector.feed import Feed, Parts
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.lock import Lock
from eventsrc.projector.parallel import decoded
from eventsrc.projector.portion import Portion
from eventsrc.projector.rebuild import Construction, rebuild
from eventsrc.testing.disk import FaultyDisk
from tests.conformance.projections import ListLog, Run, rows, site
from tests.conformance.prompts import Notes, Prompts, join, notes


class Others(Prompts):
    name = "others"


class Broken(Prompts):
    name = "broken"
    late_schema = ("CREATE INDEX nowhere ON nothing(x)",)


def test_several_read_models_are_built_from_one_pass(tmp_path: Path) -> None:
    log = ListLog(notes(1_000))
    here = site(tmp_path / "read", log, Notes(), join)
    first, second = rebuild([Prompts, Others], here)
    assert (first.name, first.events, first.generation, first.dead_letters, first.error) == ("prompts", 1000, 1, 0, "")
    assert first.seconds >= 0
    assert second.name == "others"
    assert rows(current(here.read_dir, "others"))["prompts"] == rows(current(here.read_dir, "prompts"))["prompts"]


def test_one_that_cannot_be_built_is_told_and_the_others_are_built(tmp_path: Path) -> None:
    here = site(tmp_path / "read", ListLog(notes(100)), Notes(), join)
    good, bad, other = rebuild([Prompts, Broken, Others], here)
    assert (good.error, other.error) == ("", "")
    assert "its schema is wrong" in bad.error
    assert bad.generation == 0
    assert Generations(here.read_dir, "broken").numbers() == []


def test_an_empty_log_makes_an_empty_read_model(tmp_path: Path) -> None:
    here = site(tmp_path / "read", ListLog(), Notes(), join)
    (result,) = rebuild([Prompts], here)
    assert (result.events, result.generation) == (0, 1)
    found = rows(current(here.read_dir, "prompts"))
    assert found["position"] == [("prompts", 0, "", "")]
    assert found["schema_version"] == [(1, "", "")]


def test_a_finished_generation_lives_in_wal_mode_and_has_its_indexes(tmp_path: Path) -> None:
    here = site(tmp_path / "read", ListLog(notes(100)), Notes(), join)
    rebuild([Prompts], here)
    connection = sqlite3.connect(current(here.read_dir, "prompts"))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'prompts_by_text'").fetchone()
    connection.close()


def test_two_rebuilds_at_once_are_refused(tmp_path: Path) -> None:
    here = site(tmp_path / "read", ListLog(notes(10)), Notes(), join)
    with Lock.take(here.read_dir / "prompts", "prompts", SystemDisk()), pytest.raises(RebuildRunning):
        rebuild([Prompts], here)
    rebuild([Prompts], here)


class Stop(Exception):
    """What a person's Ctrl-C does."""


def test_an_interrupted_rebuild_leaves_everything_as_it_was(tmp_path: Path) -> None:
    log = ListLog(notes(1_000))
    here = site(tmp_path / "read", log, Notes(), join)
    rebuild([Prompts], here)
    before = rows(current(here.read_dir, "prompts"))

    def stop(position: int, _until: int) -> None:
        if position >= 500:
            raise Stop

    with pytest.raises(Stop):
        rebuild([Prompts], here, progress=stop)
    assert Generations(here.read_dir, "prompts").numbers() == [1]
    assert rows(current(here.read_dir, "prompts")) == before


def test_a_killed_rebuild_is_swept_away_by_the_next_one(tmp_path: Path) -> None:
    here = site(tmp_path / "read", ListLog(notes(1_000)), Notes(), join)
    rebuild([Prompts], here)
    abandoned = Construction([Prompts], here)
    abandoned.step()
    generations = Generations(here.read_dir, "prompts")
    assert generations.numbers() == [1, 2]
    for build in abandoned.builds.values():
        build.model.store.connection.close()
    (result,) = rebuild([Prompts], here)
    assert result.generation == 2
    assert generations.numbers() == [1, 2], "the new one, and the one before for going back"


def test_a_reader_keeps_its_answer_and_finds_the_new_generation_on_its_next_question(tmp_path: Path) -> None:
    log = ListLog(notes(100))
    here = site(tmp_path / "read", log, Notes(), join)
    rebuild([Prompts], here)
    reader = sqlite3.connect(f"file:{current(here.read_dir, 'prompts')}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    before = reader.execute("SELECT * FROM prompts ORDER BY 1, 2").fetchall()
    log.events += notes(200)[100:]
    for _ in range(3):  # also past the point where its generation is removed
        rebuild([Prompts], here)
        assert reader.execute("SELECT * FROM prompts ORDER BY 1, 2").fetchall() == before
    reader.close()
    assert len(rows(current(here.read_dir, "prompts"))["prompts"]) > len(before)


def _parts(count: int, broken: int | None = None) -> Parts:
    """A module's function, so that a worker process can call it."""
    return Damaged(notes(count, poison={7}), broken=broken), Fussy(), join


class Damaged(ListLog):
    """A log with a line that cannot be read."""

    def __init__(self, events: list[Event], broken: int | None) -> None:
        super().__init__(events, chunk=50)
        self.broken = broken

    def read_chunk(self, chunk: Run) -> list[Event]:
        if self.broken is not None and chunk.start_byte <= self.broken < chunk.end_byte:
            raise LogCorrupt(segment="s", line=self.broken, byte=0, detail="checksum")
        return super().read_chunk(chunk)


class Fussy(Notes):
    """Also refuses some events, so that dead letters cross the pipe."""

    def read(self, event: Event) -> Reading:
        if event.position % 100 == 0:
            raise ValueError("refused")
        return super().read(event)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decoded before all workers have started."""
    has_started = parallel._Worker.has_started

    def waits(worker: parallel._Worker) -> bool:
        assert worker._pipe.poll(30)
        return has_started(worker)

    monkeypatch.setattr(parallel._Worker, "has_started", waits)


@pytest.mark.usefixtures("started")
def test_worker_processes_give_the_same_portions_in_the_same_order() -> None:
    log, formats, _ = _parts(1_000)
    feed = Feed(partial(_parts, 1_000), workers=0)
    serial = list(feed.all(0, 1_000))
    assert list(decoded(log.chunks(0, 1_000), partial(_parts, 1_000), 2)) == serial
    assert [letter.position for portion in serial for letter in portion.unread] == list(range(100, 1_001, 100))
    assert isinstance(formats, Fussy)


@pytest.mark.parametrize("up", [[False, False], [True, False], [False, False, False, True, False, True]])
def test_until_workers_have_started_the_parent_does_their_work(monkeypatch: pytest.MonkeyPatch, up: list[bool]) -> None:
    """None of them ever does, or only one, or one after the other."""
    asked: list[Run] = []
    ask, has_started, told = parallel._Worker.ask, parallel._Worker.has_started, iter(up)

    def counted(worker: parallel._Worker, chunk: Run) -> None:
        asked.append(chunk)
        ask(worker, chunk)

    def as_told(worker: parallel._Worker) -> bool:
        return next(told, False) and worker._pipe.poll(30) and has_started(worker)

    monkeypatch.setattr(parallel._Worker, "ask", counted)
    monkeypatch.setattr(parallel._Worker, "has_started", as_told)
    portions = list(decoded(ListLog(notes(1_000), chunk=50).chunks(0, 1_000), partial(_parts, 1_000), 2))
    assert portions == list(Feed(partial(_parts, 1_000), workers=0).all(0, 1_000))
    assert [chunk.start_byte // 50 for chunk in asked] == list(range(up.index(True) // 2 if any(up) else 20, 20))
    assert _workers() == []


@pytest.mark.usefixtures("started")
def test_damage_that_a_worker_meets_is_said_by_the_parent() -> None:
    opener = partial(_parts, 500, 220)
    log = opener()[0]
    portions = decoded(log.chunks(0, 500), opener, 2)
    with pytest.raises(LogCorrupt, match="line 220"):
        list(portions)


@pytest.mark.usefixtures("started")
def test_workers_that_die_are_replaced_by_the_parent() -> None:
    opener = partial(_parts, 1_000)
    portions = decoded(opener()[0].chunks(0, 1_000), opener, 2)
    seen: list[Portion] = [next(portions)]
    for process in _workers():
        process.kill()
        process.join()
    seen += portions
    assert [portion.first for portion in seen] == list(range(1, 1_000, 50))


def test_a_rebuild_that_ends_early_ends_its_workers() -> None:
    opener = partial(_parts, 1_000)
    portions = decoded(opener()[0].chunks(0, 1_000), opener, 2)
    next(portions)
    assert len(_workers()) == 2
    portions.close()  # type: ignore[attr-defined]
    assert _workers() == []


def _workers() -> list[BaseProcess]:
    return [process for process in multiprocessing.active_children() if process.name == "eventsrc-decode"]


@pytest.mark.usefixtures("started")
def test_a_parallel_rebuild_gives_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = partial(_parts, 1_000)
    alone = site(tmp_path / "alone", *opener())
    rebuild([Prompts], alone)
    monkeypatch.setattr("eventsrc.projector.feed.PARALLEL_BYTES", 1)
    together = site(tmp_path / "together", *opener())
    together = type(together)(together.read_dir, Feed(opener, workers=2), together.disk, together.clock)
    (result,) = rebuild([Prompts], together)
    assert result.dead_letters == 11
    assert rows(current(together.read_dir, "prompts")) == rows(current(alone.read_dir, "prompts"))


def test_a_small_log_starts_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.projector.feed.decoded", lambda *_: pytest.fail("not worth it"))
    feed = Feed(partial(_parts, 200), workers=2)
    assert [portion.events for portion in feed.all(0, 200)] == [50] * 4
    assert list(itertools.islice(feed.all(200, 200), 1)) == []


@pytest.mark.parametrize(("operation", "skip"), [("open", 2), ("sync", 1), ("rename", 0), ("sync_directory", 0)])
def test_a_disk_that_fails_gives_up_one_read_model_and_names_its_file(
    tmp_path: Path, operation: str, skip: int
) -> None:
    disk = FaultyDisk()
    here = msgspec.structs.replace(site(tmp_path / "read", ListLog(notes(20)), Notes(), join), disk=disk)
    rebuild([Prompts, Others], here)
    disk.fail_next(operation, errno.EIO, skip=skip)
    results = {result.name: result for result in rebuild([Prompts, Others], here)}
    (failed,) = (result for result in results.values() if result.error)
    assert str(tmp_path / "read" / failed.name) in failed.error and "Input/output error" in failed.error
    assert rows(current(here.read_dir, "prompts"))["prompts"] == rows(current(here.read_dir, "others"))["prompts"]


def test_a_full_disk_stops_a_rebuild_and_everything_is_as_before(tmp_path: Path) -> None:
    disk = FaultyDisk()
    here = msgspec.structs.replace(site(tmp_path / "read", ListLog(notes(20)), Notes(), join), disk=disk)
    rebuild([Prompts], here)
    disk.fail_next("sync", errno.ENOSPC)
    with pytest.raises(DiskFull, match="prompts"):
        rebuild([Prompts], here)
    assert Generations(here.read_dir, "prompts").numbers() == [1]
