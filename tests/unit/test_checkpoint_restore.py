"""Putting read models back: as new generations, whole or not at all, and only beside the log that they belong to."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.restore import restore
from eventsrc.durable import SystemDisk
from eventsrc.errors import CheckpointBroken, CheckpointFailed, EventsrcError, NotFound, NotThisLog
from eventsrc.projector.generations import Generations
from eventsrc.projector.lock import Lock
from tests.unit.checkpoint_kit import FailingDisk, MemoryLog, grow, place_of, rows


def test_read_models_come_back_as_new_generations_and_the_log_goes_on(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 3, files=True).close()
    grow(tmp_path, "search", 2).close()
    log = MemoryLog(3)
    place = place_of(tmp_path, log)
    meta = create(place, "then")
    log.events += ["4", "5"]
    grow(tmp_path, "agents", 5, files=True).close()
    done = restore(place, "then")
    assert (done.id, done.position, done.read_models) == (meta.id, 3, {"agents": 2, "search": 2})
    assert rows(tmp_path, "agents") == [1, 2, 3]
    generations = Generations(tmp_path / "read", "agents")
    assert (generations.files(2) / "sub/deltas.jsonl").read_text() == "xxx"
    assert generations.previous() == 1  # kept for going back
    grow(tmp_path, "agents", 5).close()  # catches up from where the copy stood
    assert rows(tmp_path, "agents") == [1, 2, 3, 4, 5]
    assert place.shelf.verify("then") == []  # what was restored is a copy of its own


def test_a_reader_of_the_old_generation_keeps_its_answer(tmp_path: Path) -> None:
    reader = grow(tmp_path, "agents", 3)
    place = place_of(tmp_path, MemoryLog(3))
    create(place)
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM seen").fetchone()
    restore(place, "latest")
    assert reader.execute("SELECT count(*) FROM seen").fetchone() == before
    reader.close()


def test_some_read_models_can_be_chosen(tmp_path: Path) -> None:
    for name in ("agents", "search"):
        grow(tmp_path, name, 3).close()
    place = place_of(tmp_path, MemoryLog(3))
    create(place)
    assert restore(place, "latest", ["search"]).read_models == {"search": 2}
    assert Generations(tmp_path / "read", "agents").current() == 1
    with pytest.raises(NotFound, match="nothing"):
        restore(place, "latest", ["nothing"])


def test_a_read_model_that_was_deleted_comes_back(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 3).close()
    place = place_of(tmp_path, MemoryLog(3))
    create(place)
    shutil.rmtree(tmp_path / "read")
    restore(place, "latest")
    assert rows(tmp_path, "agents") == [1, 2, 3]


@pytest.mark.parametrize("log", [MemoryLog(2), MemoryLog(3, "other"), MemoryLog(9, "other"), MemoryLog(0)])
def test_a_checkpoint_of_another_log_is_refused(tmp_path: Path, log: MemoryLog) -> None:
    grow(tmp_path, "agents", 3).close()
    create(place_of(tmp_path, MemoryLog(3)))
    with pytest.raises(NotThisLog):
        restore(place_of(tmp_path, log), "latest")
    assert Generations(tmp_path / "read", "agents").current() == 1


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 3).close()
    place = place_of(tmp_path, MemoryLog(3))
    meta = create(place)
    with (place.shelf.path(meta.id) / "agents.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with pytest.raises(CheckpointBroken, match="SHA-256"):
        restore(place, meta.id)
    assert Generations(tmp_path / "read", "agents").numbers() == [1]


def test_a_read_model_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    for name in ("agents", "search"):
        grow(tmp_path, name, 3).close()
    place = place_of(tmp_path, MemoryLog(3))
    create(place)
    with Lock.take(tmp_path / "read/search", "search", SystemDisk()), pytest.raises(EventsrcError, match="search"):
        restore(place, "latest")
    assert Generations(tmp_path / "read", "agents").current() == 1
    with Lock.take(tmp_path / "read/search", "search", SystemDisk()):
        assert restore(place, "latest", take_lock=lambda _folder, _name: nullcontext()).position == 3


def take_lock(folder: Path, name: str) -> Lock:
    """The lock has a disk of its own here: what is tried is the restoring."""
    return Lock.take(folder, name, SystemDisk())


def test_a_failure_before_the_first_pointer_moves_changes_nothing(tmp_path: Path) -> None:
    """Every durable operation fails once. Each read model then answers from a whole generation, and all from the old
    ones unless the failure came while pointers were being moved."""
    for name in ("agents", "search"):
        grow(tmp_path, name, 3, files=name == "agents").close()
    create(place_of(tmp_path, MemoryLog(3)))
    for name in ("agents", "search"):
        grow(tmp_path, name, 5).close()
    number = 0
    while True:
        number += 1
        disk = FailingDisk(number)
        try:
            restore(place_of(tmp_path, MemoryLog(5), disk), "latest", take_lock=take_lock)
        except CheckpointFailed:
            moved = "rename" in disk.did[:-1]
            for name in ("agents", "search"):
                assert rows(tmp_path, name) in ([[1, 2, 3], [1, 2, 3, 4, 5]] if moved else [[1, 2, 3, 4, 5]])
            if moved:
                break
        assert number < 200
    assert number > 12
    restore(place_of(tmp_path, MemoryLog(5)), "latest")
    assert rows(tmp_path, "agents") == rows(tmp_path, "search") == [1, 2, 3]
