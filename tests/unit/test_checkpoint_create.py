"""Making, finding, checking and removing checkpoints."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pytest

from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.meta import META, Meta, decode, encode
from eventsrc.checkpoint.policy import Policy, kept
from eventsrc.checkpoint.port import LogDigest
from eventsrc.clock import format_time
from eventsrc.errors import CheckpointBroken, CheckpointFailed, DiskFull, IncompatibleSchema, NotFound, UsageError
from tests.unit.checkpoint_kit import FailingDisk, MemoryLog, grow, place_of


def test_a_checkpoint_tells_what_it_holds(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 5, files=True).close()
    place = place_of(tmp_path, MemoryLog(7))
    meta = create(place, "before the change")
    assert (meta.position, meta.label, meta.automatic) == (7, "before the change", False)
    copy = meta.read_models["agents"]
    assert (copy.generation, copy.position, copy.schema_version, copy.rows["seen"]) == (1, 5, 3, 5)
    assert copy.files is not None and (copy.files.count, copy.files.bytes) == (2, 6)
    folder = place.shelf.path(meta.id)
    told = json.loads((folder / META).read_text())
    assert told["log"] == {"position": 7, "sha256": MemoryLog(7).digest().sha256}
    assert (told["events"], told["bytes"], told["version"]) == (7, meta.bytes, 1)
    assert sorted(p.name for p in folder.iterdir()) == ["agents.db", "agents.files", META]
    assert meta.describe(folder)["digest"] == meta.log.sha256
    assert place.shelf.verify("latest") == []


def test_a_copy_is_one_snapshot_while_the_read_model_is_being_written(tmp_path: Path) -> None:
    live = grow(tmp_path, "agents", 100)
    live.execute("BEGIN IMMEDIATE")
    live.execute("INSERT INTO seen VALUES (101, 'not committed')")
    place = place_of(tmp_path, MemoryLog(200))
    meta = create(place)
    live.execute("COMMIT")
    live.close()
    with closing(sqlite3.connect(place.shelf.path(meta.id) / "agents.db")) as copy:
        assert copy.execute("SELECT count(*), max(position) FROM seen").fetchone() == (100, 100)
    assert place.shelf.verify(meta.id) == []


def test_the_digest_is_taken_after_the_copies(tmp_path: Path) -> None:
    """A projector may go on while copies are made; none of them may stand past the checkpoint."""
    grow(tmp_path, "agents", 5).close()
    with pytest.raises(CheckpointFailed, match="do not belong together"):
        create(place_of(tmp_path, MemoryLog(4)))

    class GrowingLog(MemoryLog):
        def digest(self) -> LogDigest:
            assert list((tmp_path / "checkpoints").glob(".tmp-building-*/agents.db"))
            return super().digest()

    assert create(place_of(tmp_path, GrowingLog(5))).position == 5


def test_a_broken_read_model_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    for name in ("agents", "broken", "dangling", "mute"):
        grow(tmp_path, name, 5).close()
    read = tmp_path / "read"
    (read / "broken/broken-1.db").write_bytes(b"not a database" * 1000)
    (read / "dangling/dangling-1.db").unlink()
    (read / "mute/current").write_text("../../etc/passwd")
    place = place_of(tmp_path, MemoryLog(5))
    meta = create(place)
    assert (set(meta.read_models), set(meta.left_out)) == ({"agents"}, {"broken", "dangling", "mute"})
    assert place.shelf.verify(meta.id) == []


def test_without_read_models_a_checkpoint_still_holds_the_logs_digest(tmp_path: Path) -> None:
    meta = create(place_of(tmp_path, MemoryLog(3)))
    assert (meta.read_models, meta.position, meta.bytes) == ({}, 3, 0)


def test_every_failure_leaves_no_checkpoint_and_the_earlier_ones_whole(tmp_path: Path) -> None:
    """Every durable operation fails once; afterwards the shelf is as before, and the next attempt succeeds."""
    grow(tmp_path, "agents", 5, files=True).close()
    good = create(place_of(tmp_path, MemoryLog(5)), "good")
    counting = FailingDisk()
    shutil.copytree(tmp_path, tmp_path.parent / "other")
    create(place_of(tmp_path.parent / "other", MemoryLog(5), counting))
    assert counting.count > 15
    for number in range(1, counting.count + 1):
        disk = FailingDisk(number)
        place = place_of(tmp_path, MemoryLog(6), disk)
        last = number == counting.count  # the directory's sync: the name is there, but perhaps not durable
        with pytest.raises(CheckpointFailed, match="injected"):
            create(place)
        place.shelf.sweep()
        names = {meta.id for meta in place.shelf.all()}
        assert names == {good.id} if not last else good.id in names
        for name in names:
            assert place.shelf.verify(name) == []
    assert create(place_of(tmp_path, MemoryLog(7))).position == 7


def test_a_full_disk_is_called_that(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 5, files=True).close()
    with pytest.raises(DiskFull):
        create(place_of(tmp_path, MemoryLog(5), FailingDisk(5, error=28)))


def test_making_one_can_be_given_up(tmp_path: Path) -> None:
    grow(tmp_path, "agents", 5).close()
    place = place_of(tmp_path, MemoryLog(5))
    with pytest.raises(CheckpointFailed, match="the service stops"):
        create(place, give_up=lambda: True)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_what_an_interruption_left_behind_is_swept(tmp_path: Path) -> None:
    place = place_of(tmp_path, MemoryLog(1))
    kept_one = create(place)
    for name in (".tmp-building-7", ".tmp-removed-0123abcd"):
        (place.shelf.directory / name / "agents.files").mkdir(parents=True)
    assert place.shelf.sweep() == 2
    assert os.listdir(place.shelf.directory) == [kept_one.id]


@pytest.mark.parametrize("label", ["", " a", "a\n", "a\x1b[31m", "latest", "x" * 201])
def test_a_label_can_be_shown_and_found(tmp_path: Path, label: str) -> None:
    with pytest.raises(UsageError):
        create(place_of(tmp_path, MemoryLog(1)), label)


def test_checkpoints_are_found_by_latest_id_beginning_and_label(tmp_path: Path) -> None:
    log = MemoryLog(1)
    place = place_of(tmp_path, log)
    with pytest.raises(NotFound):
        place.shelf.find("latest")
    first = create(place, "release")
    log.events.append("x")
    second = create(place, "release")
    assert place.shelf.find("latest") == second
    assert [m.id for m in place.shelf.all()] == [second.id, first.id]
    assert place.shelf.find("release") == second
    assert place.shelf.find(first.id) == place.shelf.find(first.id[:7]) == first
    for missing in ("nothing", "", "../checkpoints", "zz"):
        with pytest.raises(NotFound):
            place.shelf.find(missing)
    for twin in ("aaaa0000", "aaaa1111"):
        shutil.copytree(place.shelf.path(first.id), place.shelf.path(twin))
    with pytest.raises(UsageError, match="aaaa0000, aaaa1111"):
        place.shelf.find("aaaa")
    with pytest.raises(CheckpointBroken, match="contradicts"):
        place.shelf.find("aaaa0000")


def test_ids_differ_although_nothing_else_does(tmp_path: Path) -> None:
    place = place_of(tmp_path, MemoryLog(1))
    assert len({create(place).id for _ in range(3)}) == 3


Damage: TypeAlias = Callable[[Path], object]
DAMAGES: list[Damage] = [
    lambda folder: (folder / "agents.db").unlink(),
    lambda folder: (folder / "agents.db").write_bytes((folder / "agents.db").read_bytes()[:-1]),
    lambda folder: flip(folder / "agents.db"),
    lambda folder: flip(folder / "agents.files/sub/deltas.jsonl"),
    lambda folder: (folder / "agents.files/sub/deltas.jsonl").unlink(),
    lambda folder: (folder / "agents.files/more").write_text("x"),
    lambda folder: shutil.rmtree(folder / "agents.files"),
    lambda folder: (folder / "stranger").write_text("x"),
    lambda folder: flip(folder / META),
    lambda folder: (folder / META).unlink(),
    lambda folder: (folder / META).write_text("[]"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_by_verify(tmp_path: Path, damage: Damage) -> None:
    grow(tmp_path, "agents", 5, files=True).close()
    place = place_of(tmp_path, MemoryLog(5))
    meta = create(place)
    damage(place.shelf.path(meta.id))
    assert place.shelf.verify(meta.id)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_copy_of_a_damaged_original_is_found_by_verify(tmp_path: Path) -> None:
    live = grow(tmp_path, "agents", 5000)
    live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    live.close()
    path = tmp_path / "read/agents/agents-1.db"
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)
    path.write_bytes(content)
    place = place_of(tmp_path, MemoryLog(5000))
    meta = create(place)
    assert "agents" in meta.left_out or place.shelf.verify(meta.id)


def test_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    place = place_of(tmp_path, MemoryLog(5))
    meta = create(place)
    path = place.shelf.path(meta.id) / META
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(IncompatibleSchema):
        place.shelf.find(meta.id)
    assert place.shelf.all() == []


def test_names_in_a_meta_file_never_leave_the_folder() -> None:
    meta = Meta("0123abcd", None, False, format_time(0), LogDigest(0, "0" * 64), {})
    text = encode(meta).replace(b'"read_models": {}', b'"read_models": {"../../x": {}}')
    with pytest.raises(CheckpointBroken):
        decode("0123abcd", text)
    assert decode("0123abcd", encode(meta)) == meta


DAY = 86_400.0


def made(number: int, day: float, label: str | None = None, *, automatic: bool = True) -> Meta:
    return Meta(f"{number:08x}", label, automatic, format_time(day * DAY), LogDigest(number, "0" * 64), {})


def test_the_policy_keeps_the_last_and_one_of_each_day_and_week() -> None:
    history = [made(n, 20_000 + n / 2) for n in range(60)]  # two a day, thirty days
    assert kept(history, Policy(last=3)) == {f"{n:08x}" for n in (57, 58, 59)}
    assert kept(history, Policy(last=0, daily=3)) == {f"{n:08x}" for n in (59, 57, 55)}
    weekly = kept(history, Policy(last=0, weekly=2))
    assert len(weekly) == 2 and f"{59:08x}" in weekly
    assert kept(history, Policy(last=0)) == set()
    assert kept([made(1, 1, "mine"), made(2, 2)], Policy(last=0)) == {f"{1:08x}"}


def test_age_follows_the_log_and_not_the_clock() -> None:
    assert kept([made(1, day=9), made(2, day=3)], Policy(last=1)) == {f"{2:08x}"}


def test_pruning_removes_what_is_not_kept_and_asked_for_ones_only_when_told(tmp_path: Path) -> None:
    place = place_of(tmp_path, log := MemoryLog(0))
    for label, automatic in ((None, True), (None, False), ("mine", True), (None, True), (None, True)):
        log.events.append("x")
        create(place, label, automatic=automatic)
    place.shelf.prune(Policy(last=1), automatic_only=True)
    assert [meta.position for meta in place.shelf.all()] == [5, 3, 2]
    place.shelf.prune(Policy(last=1))
    assert [meta.position for meta in place.shelf.all()] == [5, 3]
    assert not list(place.shelf.directory.glob(".tmp*"))
