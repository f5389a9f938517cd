"""A read model that is not what was left there is noticed, rebuilt, and it is said why."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import ReadModelDamaged
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.examine import close_clean, open_current, quick_check
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.conformance.projections import ListLog, event, rows, site
from tests.conformance.prompts import Notes, Prompts, join, notes

DISK = SystemDisk()
COUNT = 2_000


@pytest.fixture
def log() -> ListLog:
    return ListLog(notes(COUNT))


@pytest.fixture
def here(tmp_path: Path, log: ListLog) -> Site:
    """A data directory with a finished, cleanly closed read model."""
    made = site(tmp_path / "read", log, Notes(), join)
    rebuild([Prompts], made)
    return made


def _open(here: Site) -> ReadModel:
    generations = Generations(here.read_dir, "prompts")
    return ReadModel(open_current(Prompts, generations, here.feed, DISK), here.feed, "files")


def _crash(model: ReadModel, path: Path) -> None:
    """Leaves the files as a killed process would: the log of the last transactions is not in the main file."""
    wal = path.with_name(path.name + "-wal")
    kept = wal.read_bytes()
    model.store.connection.close()
    wal.write_bytes(kept)


def test_a_clean_read_model_opens_without_being_read(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.projector.examine.quick_check", lambda *_: pytest.fail("it was closed cleanly"))
    model = _open(here)
    assert model.position == COUNT
    close_clean(model.store, DISK)
    _open(here).store.connection.close()


def test_an_unclean_one_is_looked_at_and_goes_on(here: Site, log: ListLog, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(path: Path, name: str) -> str:
        looked.append(path.name)
        return quick_check(path, name)

    monkeypatch.setattr("eventsrc.projector.examine.quick_check", look)
    model = _open(here)
    log.events += [event(COUNT + 1, {"prompt": "new"})]
    model.apply(here.feed.portion(COUNT, COUNT + 1))
    _crash(model, current(here.read_dir, "prompts"))
    again = _open(here)
    assert looked == ["prompts-1.db"]
    assert again.position == COUNT + 1
    again.store.connection.close()


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _flip(path: Path) -> None:
    """One bit of one letter in one row: no structure is hurt."""
    content = bytearray(path.read_bytes())
    place = content.rindex(b"p1")
    content[place] ^= 1
    path.write_bytes(content)


def _zero_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(4096)
    path.write_bytes(content)


def _replace_with_text(path: Path) -> None:
    path.write_text("this is not a database")


def _write_a_row(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO prompts VALUES ('z', 1, 'an intruder')")
    connection.commit()
    connection.close()


DAMAGE = [_delete, _truncate, _empty, _zero, _flip, _zero_a_page, _replace_with_text, _write_a_row]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_while_nobody_looks_is_noticed_and_mended(here: Site, damage: Callable[[Path], None]) -> None:
    whole = rows(current(here.read_dir, "prompts"))
    damage(current(here.read_dir, "prompts"))
    with pytest.raises(ReadModelDamaged) as caught:
        _open(here)
    assert caught.value.reason
    rebuild([Prompts], here)
    assert rows(current(here.read_dir, "prompts")) == whole


@pytest.mark.parametrize("damage", [d for d in DAMAGE if d not in (_flip, _write_a_row)])
def test_damage_after_a_crash_is_noticed_by_its_structure(here: Site, damage: Callable[[Path], None]) -> None:
    path = current(here.read_dir, "prompts")
    path.with_suffix(".closed").unlink()
    damage(path)
    with pytest.raises(ReadModelDamaged):
        _open(here)


def test_a_torn_marker_counts_as_none(here: Site) -> None:
    path = current(here.read_dir, "prompts")
    path.with_suffix(".closed").write_text("8192 17")
    model = _open(here)
    assert model.position == COUNT
    model.store.connection.close()


def test_a_read_model_of_another_log_is_noticed(here: Site, log: ListLog) -> None:
    log.events[-1] = event(COUNT, {"prompt": "another history"})
    with pytest.raises(ReadModelDamaged, match="is another one than the one it has read"):
        _open(here)


def test_a_read_model_ahead_of_its_log_is_noticed(here: Site, log: ListLog) -> None:
    del log.events[-10:]
    with pytest.raises(ReadModelDamaged, match=f"it has read {COUNT} events, the log has {COUNT - 10}"):
        _open(here)


def test_another_version_of_the_projection_is_noticed(here: Site) -> None:
    class Newer(Prompts):
        version = 2

    with pytest.raises(ReadModelDamaged, match="made by version 1 of the projection, which is at 2"):
        open_current(Newer, Generations(here.read_dir, "prompts"), here.feed, DISK)


def test_a_file_removed_while_it_is_open_is_noticed_by_the_next_batch(here: Site, log: ListLog) -> None:
    model = _open(here)
    log.events += [event(COUNT + 1, {"prompt": "new"})]
    current(here.read_dir, "prompts").unlink()
    with pytest.raises(ReadModelDamaged, match="was removed or replaced"):
        model.apply(here.feed.portion(COUNT, COUNT + 1))
    close_clean(model.store, DISK)
    assert not current_path(here).exists(), "closing leaves no marker for a file that is gone"


def current_path(here: Site) -> Path:
    return here.read_dir / "prompts" / "prompts-1.closed"


@pytest.mark.parametrize("damage", [_zero, _truncate, _empty])
def test_a_file_damaged_while_it_is_open_is_noticed(here: Site, log: ListLog, damage: Callable[[Path], None]) -> None:
    path = current(here.read_dir, "prompts")
    model = _open(here)
    damage(path)
    log.events += notes(COUNT + 500)[COUNT:]
    with pytest.raises(ReadModelDamaged):
        model.apply(here.feed.portion(COUNT, COUNT + 500))
    model.store.connection.close()


def test_everything_but_the_log_may_be_deleted(here: Site) -> None:
    whole = rows(current(here.read_dir, "prompts"))
    shutil.rmtree(here.read_dir)
    rebuild([Prompts], here)
    assert rows(current(here.read_dir, "prompts")) == whole
