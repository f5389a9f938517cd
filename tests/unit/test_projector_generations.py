"""Generations of a read model: numbers, pointer, leftovers, lock."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import NotFound, ReadModelBroken, RebuildRunning
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.lock import Lock

DISK = SystemDisk()


def _made(read_dir: Path, *numbers: int) -> Generations:
    generations = Generations(read_dir, "agents")
    generations.folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        generations.path(number).write_bytes(b"rows")
        generations.files(number).mkdir()
        (generations.files(number) / "x").write_bytes(b"file")
    return generations


def test_nothing_was_built_yet(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        current(tmp_path, "agents")
    assert Generations(tmp_path, "agents").next() == 1


def test_the_pointer_leads_to_the_generation_switched_to(tmp_path: Path) -> None:
    generations = _made(tmp_path, 1, 2)
    generations.switch(2, DISK)
    assert current(tmp_path, "agents") == tmp_path / "agents" / "agents-2.db"
    assert generations.next() == 3


@pytest.mark.parametrize(
    "text", ["", "agents-.db\n", "../../etc/passwd\n", "other-1.db\n", "agents-1.db\nmore", "\x00" * 12]
)
def test_a_damaged_pointer_is_said_and_counts_as_none(tmp_path: Path, text: str) -> None:
    generations = _made(tmp_path, 1)
    (generations.folder / "current").write_text(text)
    with pytest.raises(ReadModelBroken):
        current(tmp_path, "agents")
    assert generations.current_or_none() is None


def test_a_pointer_to_a_missing_file_is_said(tmp_path: Path) -> None:
    generations = _made(tmp_path, 1)
    generations.switch(1, DISK)
    generations.path(1).unlink()
    with pytest.raises(ReadModelBroken, match=r"agents-1\.db is missing"):
        current(tmp_path, "agents")


def test_the_generation_before_is_kept_and_everything_else_is_swept(tmp_path: Path) -> None:
    generations = _made(tmp_path, 1, 2, 3, 4)
    generations.switch(3, DISK)
    assert generations.previous() == 2
    assert generations.sweep() == [1, 4]
    assert generations.numbers() == [2, 3]
    assert generations.sweep(keep_previous=False) == [2]
    assert sorted(path.name for path in generations.folder.iterdir()) == ["agents-3.db", "agents-3.files", "current"]


def test_going_back_lets_the_generation_before_answer(tmp_path: Path) -> None:
    generations = _made(tmp_path, 1, 2)
    generations.switch(2, DISK)
    assert generations.rollback(DISK) == 1
    assert current(tmp_path, "agents").name == "agents-1.db"
    with pytest.raises(NotFound):
        generations.rollback(DISK)


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    generations = _made(tmp_path, 1)
    for name in ("notes.txt", "agents-1.db.bak", "agents_v2-7.db", "agents-x.db"):
        (generations.folder / name).write_text("mine")
    generations.sweep()
    assert sorted(p.name for p in generations.folder.iterdir()) == [
        "agents-1.db.bak",
        "agents-x.db",
        "agents_v2-7.db",
        "notes.txt",
    ]


def test_two_writers_at_once_are_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with Lock.take(tmp_path / "agents", "agents", DISK):
        with pytest.raises(RebuildRunning, match="already being written by process"):
            Lock.take(tmp_path / "agents", "agents", DISK)
        Lock.take(tmp_path / "deltas", "deltas", DISK).release()
    Lock.take(tmp_path / "agents", "agents", DISK).release()


def _hold(folder: Path, pipe: Connection) -> None:
    Lock.take(folder, "agents", SystemDisk())
    pipe.send("held")
    pipe.recv()


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    with pytest.raises(RebuildRunning):
        Lock.take(tmp_path, "agents", DISK)
    process.kill()
    process.join()
    Lock.take(tmp_path, "agents", DISK).release()
    ours.close()
    theirs.close()
