"""One read model: batches, poison, and errors that are nobody's fault."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import DiskFull, ReadModelBroken, ReadModelDamaged, ReadModelLocked, TryAgain
from eventsrc.plugin import Projection, Reading
from eventsrc.projector import store as store_module
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.feed import Feed
from eventsrc.projector.store import Store
from tests.conformance.projections import ListLog, event, rows
from tests.conformance.prompts import Notes, Prompts, join, notes


def _model(folder: Path, log: ListLog, projection: type[Projection] = Prompts, *, bulk: bool = False) -> ReadModel:
    path = folder / "m-1.db"
    store = Store.create(path, projection)
    if not bulk:
        store.finish(SystemDisk())
        store = Store.open(path, projection)
    return ReadModel(store, Feed(lambda: (log, Notes(), join), workers=0), str(folder / "files"))


def _feed(model: ReadModel) -> Feed:
    return model._feed


def _apply_all(model: ReadModel, head: int) -> None:
    while model.position < head:
        model.apply(_feed(model).portion(model.position, head))


def test_rows_and_position_arrive_together(tmp_path: Path) -> None:
    log = ListLog(notes(50))
    model = _model(tmp_path, log)
    _apply_all(model, 50)
    found = rows(tmp_path / "m-1.db")
    last = log.events[-1]
    assert found["position"] == [("prompts", 50, last.crc32, last.recordedtime)]
    assert found["schema_version"] == [(1, log.events[0].recordedtime, "")]
    assert found["dead_letters"] == []
    assert sum(row[2] for row in found["texts"]) + len(found["prompts"]) == 50


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("word", ["poison", "late poison"])
def test_a_poison_event_costs_itself_only(tmp_path: Path, word: str, bulk: bool) -> None:
    events = notes(60)
    events[29] = event(30, {"sid": "a", "prompt": word})
    model = _model(tmp_path, ListLog(events), bulk=bulk)
    _apply_all(model, 60)
    assert model.store.dead_letters == 1
    model.close()
    model.store.connection.close()
    found = rows(tmp_path / "m-1.db")
    ((position, kind, reason, raw, recorded),) = found["dead_letters"]
    assert (position, kind, recorded) == (30, "test.fact", events[29].recordedtime)
    assert "poison" in reason and reason.startswith(("ValueError", "RuntimeError"))
    assert raw == events[29].raw.decode()
    assert sum(row[2] for row in found["texts"]) + len(found["prompts"]) == 59
    assert found["position"][0][1] == 60


def test_a_poison_event_undoes_a_bulk_batch_that_is_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(s if not s.startswith("cache_size") else "cache_size = 10" for s in store_module._BULK)
    monkeypatch.setattr(store_module, "_BULK", small)
    events = [event(n, {"sid": f"s{n % 5}", "prompt": "x" * 500}) for n in range(1, 2_001)]
    events[1_999] = event(2_000, {"sid": "s0", "prompt": "late poison"})  # its pages were written before it fails
    model = _model(tmp_path, ListLog(events), bulk=True)
    model.advance(1_000)
    model.advance(2_000)
    assert model.store.dead_letters == 1
    model.close()
    model.store.finish(SystemDisk())
    assert len(rows(tmp_path / "m-1.db")["prompts"]) == 1_999


def test_an_event_that_no_format_can_read_is_a_dead_letter(tmp_path: Path) -> None:
    events = notes(20)
    events[9] = event(10, {"sid": 5})
    model = _model(tmp_path, ListLog(events))
    _apply_all(model, 20)
    found = rows(tmp_path / "m-1.db")
    assert found["dead_letters"][0][0] == 10
    assert "ValidationError" in found["dead_letters"][0][2]
    assert found["position"][0][1] == 20


def test_too_many_dead_letters_stop_the_read_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DEAD_LETTERS", 3)
    log = ListLog(notes(20, poison=range(11, 21)))
    model = _model(tmp_path, log)
    with pytest.raises(ReadModelBroken, match="more than 3 events failed"):
        _apply_all(model, 20)
    found = rows(tmp_path / "m-1.db")
    assert len(found["dead_letters"]) == 3
    assert found["position"][0][1] == 13


class Failing(Prompts):
    """Fails the way the machine fails, as long as `error` is set."""

    error: Exception | None = None

    def flush(self) -> None:
        super().flush()
        if Failing.error is not None:
            raise Failing.error


def _sqlite_error(kind: type[sqlite3.Error], code: int) -> sqlite3.Error:
    error = kind("as the driver says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (OSError(errno.EMFILE, "Too many open files"), TryAgain),
        (PermissionError(errno.EACCES, "Permission denied", "index_0.txt"), ReadModelBroken),
        (MemoryError(), MemoryError),
        (_sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_FULL), DiskFull),
        (_sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_BUSY), ReadModelLocked),
        (_sqlite_error(sqlite3.DatabaseError, sqlite3.SQLITE_CORRUPT), ReadModelDamaged),
        (_sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_IOERR_WRITE), ReadModelBroken),
    ],
)
def test_what_the_machine_does_never_makes_a_dead_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, becomes: type[Exception]
) -> None:
    model = _model(tmp_path, ListLog(notes(10)), Failing)
    monkeypatch.setattr(Failing, "error", error)
    with pytest.raises(becomes):
        _apply_all(model, 10)
    assert (model.position, model.store.dead_letters) == (0, 0)
    monkeypatch.setattr(Failing, "error", None)
    _apply_all(model, 10)
    assert (model.position, model.store.dead_letters) == (10, 0)


def test_a_constraint_of_the_projection_is_the_events_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(Prompts):
        def fold(self, reading: Reading) -> None:
            super().fold(reading)
            if reading.position == 4:
                self._prompts.append(("a", 1, "twice"))
                self._prompts.append(("a", 1, "twice"))

    model = _model(tmp_path, ListLog(notes(10)), Picky)
    _apply_all(model, 10)
    ((position, _, reason, _, _),) = rows(tmp_path / "m-1.db")["dead_letters"]
    assert position == 4
    assert reason.startswith("IntegrityError")


def test_a_projection_that_commits_by_itself_is_stopped(tmp_path: Path) -> None:
    class Committing(Prompts):
        def flush(self) -> None:
            super().flush()
            self.connection.execute("COMMIT")

    model = _model(tmp_path, ListLog(notes(10)), Committing)
    with pytest.raises(ReadModelBroken, match="ended the engine's transaction"):
        _apply_all(model, 10)


def test_a_projection_that_cannot_start_is_stopped_and_makes_no_dead_letters(tmp_path: Path) -> None:
    class Stillborn(Prompts):
        def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
            raise KeyError("no such table")

    model = _model(tmp_path, ListLog(notes(10)), Stillborn)
    with pytest.raises(ReadModelBroken, match="cannot start"):
        _apply_all(model, 10)
    assert model.store.dead_letters == 0


def test_a_wrong_schema_is_said_with_the_name(tmp_path: Path) -> None:
    class Misspelt(Prompts):
        schema = ("CREATE TABEL x(y)",)

    with pytest.raises(ReadModelBroken, match=r"prompts.*its schema is wrong.*TABEL"):
        Store.create(tmp_path / "m-1.db", Misspelt)


def test_committed_is_called_after_the_rows_are_durable_and_never_for_what_was_undone(tmp_path: Path) -> None:
    seen: list[int] = []

    class Effects(Prompts):
        def committed(self) -> None:
            assert not self.connection.in_transaction
            seen.append(self.connection.execute("SELECT position FROM position").fetchone()[0])

    model = _model(tmp_path, ListLog(notes(20, poison={12})), Effects)
    model.apply(_feed(model).portion(0, 10))
    _apply_all(model, 20)
    assert seen == [10, 11, *range(13, 21)]


def test_a_portion_that_does_not_follow_is_refused(tmp_path: Path) -> None:
    model = _model(tmp_path, ListLog(notes(20)))
    with pytest.raises(AssertionError):
        model.apply(_feed(model).portion(5, 10))
    assert model.position == 0


def test_projections_at_the_same_place_share_one_decoding(tmp_path: Path) -> None:
    log = ListLog(notes(100))
    feed = Feed(lambda: (log, Notes(), join), workers=0)
    first = feed.portion(0, 100)
    assert feed.portion(0, 100) is first
    assert log.reads == 1
    assert feed.portion(0, 50).last == 50, "a portion that goes further than is asked for is not given"
    assert feed.digest(100) == log.events[-1].crc32
    assert feed.digest(101) is None


def test_a_large_record_is_not_copied_into_its_dead_letter(tmp_path: Path) -> None:
    events = [event(1, {"sid": "a", "prompt": "poison", "pad": "x" * 70_000})]
    model = _model(tmp_path, ListLog(events))
    _apply_all(model, 1)
    assert rows(tmp_path / "m-1.db")["dead_letters"][0][3] is None
