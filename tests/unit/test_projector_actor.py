"""The projector: follows the log, waits, heals itself, rebuilds beside itself, and ends when it is told to."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest

from eventsrc.actor import Watermark
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import RebuildRunning, RebuildStopped
from eventsrc.event import Event
from eventsrc.plugin import Projection, Reading
from eventsrc.projector import actor as actor_module
from eventsrc.projector.actor import Projector
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.lock import Lock
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site, Standing
from tests.conformance.projections import ListLog, event, rows, site
from tests.conformance.prompts import Notes, Prompts, join, notes


class Stage:
    """A log that grows, one projector on it, and what it told."""

    def __init__(
        self, read_dir: Path, projection: type[Projection] = Prompts, count: int = 0, disk: Disk | None = None
    ) -> None:
        self.log = ListLog(notes(count))
        on_disk = site(read_dir, self.log, Notes(), join)
        self.site: Site = on_disk if disk is None else msgspec.structs.replace(on_disk, disk=disk)
        self.projection = projection
        self.told: list[Standing] = []
        self.watermark = Watermark(count)
        self._news = anyio.Event()
        self.projector = Projector(projection, self.site, self.watermark, self._hear)

    def _hear(self, standing: Standing) -> None:
        self.told.append(standing)
        self._news.set()
        self._news = anyio.Event()

    def grow(self, events: list[Event]) -> None:
        self.log.events += events
        self.watermark.advance(len(self.log.events))

    async def until(self, wanted: Callable[[Standing], bool]) -> Standing:
        """Waits for the projector to say it."""
        with anyio.fail_after(20):
            while not (self.told and wanted(self.told[-1])):
                await self._news.wait()
        return self.told[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the projector for as long as the block lasts, then lets it catch up and end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.projector.run)
            yield
            self.watermark.close()

    @property
    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        return rows(current(self.site.read_dir, self.projection.name))


def _at(position: int) -> Callable[[Standing], bool]:
    return lambda standing: standing.state == "live" and standing.position == position


async def test_a_log_that_grows_is_followed(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read")
    async with stage.running():
        await stage.until(_at(0))
        for end in (1, 10, 500):
            stage.grow(notes(end)[len(stage.log.events) :])
            standing = await stage.until(_at(end))
    assert standing.recorded == stage.log.events[-1].recordedtime
    assert (standing.generation, standing.dead_letters) == (1, 0)
    assert stage.rows["position"][0][1] == 500


async def test_what_is_there_when_the_log_closes_is_still_applied(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=20_000)
    async with stage.running():
        pass
    assert stage.rows["position"][0][1] == 20_000


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=100)
    async with stage.running():
        pass
    again = Stage(tmp_path / "read", count=150)
    async with again.running():
        await again.until(_at(150))
    assert again.told[0].position == 100, "nothing was built anew"
    assert again.told[-1].generation == 1


async def test_cancelling_leaves_a_read_model_that_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=3_000)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.projector.run)
        await stage.until(_at(3_000))
        tasks.cancel_scope.cancel()
    again = Stage(tmp_path / "read", count=3_100)
    async with again.running():
        pass
    assert again.told[0].position == 3_000
    assert again.rows["position"][0][1] == 3_100


async def test_a_database_locked_from_outside_makes_it_wait_and_then_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventsrc.projector.store.BUSY_SLICE_SECONDS", 0.05)
    stage = Stage(tmp_path / "read", count=10)
    async with stage.running():
        await stage.until(_at(10))
        outside = sqlite3.connect(current(stage.site.read_dir, "prompts"), isolation_level=None)
        outside.execute("BEGIN IMMEDIATE")
        stage.grow(notes(20)[10:])
        standing = await stage.until(lambda s: s.state == "waiting")
        assert "locked" in standing.reason
        stage.grow(notes(30)[20:])  # the log does not wait
        outside.execute("ROLLBACK")
        outside.close()
        await stage.until(_at(30))
    assert stage.rows["dead_letters"] == []


async def test_a_poison_event_stops_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read")
    async with stage.running():
        await stage.until(_at(0))
        stage.grow(notes(50, poison={25}))
        standing = await stage.until(_at(50))
        assert standing.dead_letters == 1
    assert [row[0] for row in stage.rows["dead_letters"]] == [25]


async def test_a_file_deleted_under_it_is_built_again_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path / "read", count=100)
    with caplog.at_level(logging.WARNING):
        async with stage.running():
            await stage.until(_at(100))
            current(stage.site.read_dir, "prompts").unlink()
            stage.grow(notes(200)[100:])
            standing = await stage.until(_at(200))
            assert standing.generation == 2
    assert "was removed or replaced" in caplog.text
    fresh = Stage(tmp_path / "fresh", count=200)
    rebuild([Prompts], fresh.site)
    assert stage.rows == fresh.rows


class Slow(Prompts):
    """Version 2, which waits in the middle of its build until the test lets it go on."""

    version = 2
    at = 0
    reached = threading.Event()
    go_on = threading.Event()

    def fold(self, reading: Reading) -> None:
        if reading.position == Slow.at and not Slow.go_on.is_set():
            Slow.reached.set()
            assert Slow.go_on.wait(20)
        super().fold(reading)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr(Slow, "reached", threading.Event())
    monkeypatch.setattr(Slow, "go_on", threading.Event())
    monkeypatch.setattr(Slow, "at", next(e.position for e in notes(1_000)[500:] if b"prompt" in e.raw))
    return Slow


async def _reached(slow: type[Slow]) -> None:
    assert await anyio.to_thread.run_sync(slow.reached.wait, 20)


async def test_a_new_version_is_built_while_the_old_generation_answers(tmp_path: Path, slow: type[Slow]) -> None:
    old = Stage(tmp_path / "read", count=1_000)
    rebuild([Prompts], old.site)
    before = old.rows
    stage = Stage(tmp_path / "read", slow, count=1_000)
    async with stage.running():
        await _reached(slow)
        assert stage.rows == before
        assert "made by version 1" in stage.told[-1].reason
        assert stage.told[-1].state == "building"
        stage.grow(notes(1_200)[1_000:])
        slow.go_on.set()
        await stage.until(_at(1_200))
    assert stage.rows["schema_version"][0][0] == 2
    assert current(stage.site.read_dir, "prompts").name == "prompts-2.db"
    assert Generations(stage.site.read_dir, "prompts").previous() == 1


async def test_a_rebuild_runs_beside_the_live_one_and_switches_without_going_back(
    tmp_path: Path, slow: type[Slow]
) -> None:
    slow.go_on.set()
    stage = Stage(tmp_path / "read", slow, count=1_000)
    async with stage.running(), anyio.create_task_group() as tasks:
        await stage.until(_at(1_000))
        slow.go_on.clear()
        slow.reached.clear()
        results = []

        async def ask() -> None:
            results.append(await stage.projector.rebuild())

        tasks.start_soon(ask)
        await _reached(slow)
        stage.grow(notes(1_500)[1_000:])
        await stage.until(_at(1_500))  # live goes on while the build stands still
        assert stage.told[-1].generation == 1
        with pytest.raises(RebuildRunning):
            await stage.projector.rebuild()
        slow.go_on.set()
        await stage.until(lambda s: s.generation == 2)
    assert results[0].generation == 2
    assert results[0].events == 1_500
    positions = [standing.position for standing in stage.told]
    assert positions == sorted(positions)
    fresh = Stage(tmp_path / "fresh", slow, count=1_500)
    rebuild([slow], fresh.site)
    assert stage.rows == fresh.rows


async def test_a_rebuild_stops_when_the_projector_does(tmp_path: Path, slow: type[Slow]) -> None:
    slow.go_on.set()
    stage = Stage(tmp_path / "read", slow, count=1_000)
    async with anyio.create_task_group() as tasks, stage.running():
        await stage.until(_at(1_000))
        slow.go_on.clear()
        slow.reached.clear()

        async def ask() -> None:
            with pytest.raises(RebuildStopped):
                await stage.projector.rebuild()

        tasks.start_soon(ask)
        await _reached(slow)
        stage.watermark.close()
        await anyio.wait_all_tasks_blocked()  # it has seen the end, and waits for the build
        slow.go_on.set()
    assert Generations(stage.site.read_dir, "prompts").numbers() == [1]
    with Lock.take(stage.site.read_dir / "prompts", "prompts", stage.site.disk):
        pass


async def test_one_that_is_broken_stops_alone_and_can_be_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventsrc.projector.store.DEAD_LETTERS", 2)
    stage = Stage(tmp_path / "read", count=10)
    async with stage.running():
        await stage.until(_at(10))
        bad = [event(n, {"prompt": "poison"}) for n in range(11, 16)]
        stage.grow(bad)
        standing = await stage.until(lambda s: s.state == "broken")
        assert "more than 2 events failed" in standing.reason
        stage.grow([event(16, {"prompt": "later"})])
        monkeypatch.setattr("eventsrc.projector.store.DEAD_LETTERS", 100)  # as if the projection had been mended
        result = await stage.projector.rebuild()
        assert (result.events, result.dead_letters) == (16, 5)
        stage.grow([event(17, {"prompt": "and on"})])
        await stage.until(_at(17))


async def test_what_the_log_got_while_there_was_no_read_model_is_applied_without_another_nudge(
    tmp_path: Path, slow: type[Slow]
) -> None:
    stage = Stage(tmp_path / "read", slow, count=1_000)
    async with stage.running():
        await _reached(slow)
        slow.go_on.set()
        await stage.until(_at(1_000))
        slow.go_on.clear()
        slow.reached.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stage.projector.rebuild)
            await _reached(slow)
            current(stage.site.read_dir, "prompts").unlink()
            stage.grow(notes(1_010)[1_000:])  # met by the damage: from now on there is no read model
            await stage.until(lambda s: "removed" in s.reason)
            stage.grow(notes(1_020)[1_010:])  # met by nobody
            await anyio.wait_all_tasks_blocked()
            slow.go_on.set()
        await stage.until(_at(1_020))


async def test_a_file_that_cannot_be_opened_stops_this_read_model_only_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path / "read", count=10)
    rebuild([Prompts], stage.site)

    def refuse(path: Path, *_: object) -> sqlite3.Connection:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    monkeypatch.setattr("eventsrc.projector.store._connect", refuse)
    async with stage.running():
        standing = await stage.until(lambda s: s.state == "broken")
        assert "prompts-1.db: unable to open" in standing.reason


async def test_a_second_projector_on_the_same_read_model_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=10)
    async with stage.running():
        await stage.until(_at(10))
        second = Projector(Prompts, stage.site, stage.watermark)
        with pytest.raises(RebuildRunning):
            await second.run()


async def test_no_room_makes_it_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.projector.actor.DISK_FULL_RETRY_SECONDS", 0.01)

    class Crowded(Prompts):
        name = "prompts"
        full = False

        def flush(self) -> None:
            if Crowded.full:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            super().flush()

    stage = Stage(tmp_path / "read", Crowded, count=10)
    async with stage.running():
        await stage.until(_at(10))
        Crowded.full = True
        stage.grow(notes(20)[10:])
        await stage.until(lambda s: s.state == "waiting")
        Crowded.full = False
        await stage.until(_at(20))
    assert stage.rows["dead_letters"] == []


class Full(SystemDisk):
    """A disk that refuses some operations until there is room, or for good."""

    def __init__(self, error: int, operation: str, times: int) -> None:
        self.left = {operation: times}
        self._error = error

    def _step(self, operation: str, path: str) -> None:
        if self.left.get(operation):
            self.left[operation] -= 1
            raise OSError(self._error, os.strerror(self._error), path)

    def mkdir(self, path: str) -> None:
        self._step("mkdir", path)
        super().mkdir(path)

    def open(self, path: str, flags: int) -> int:
        self._step("open", path)
        return super().open(path, flags)

    def sync_directory(self, path: str) -> None:
        self._step("sync_directory", path)
        super().sync_directory(path)


@pytest.mark.parametrize("operation", ["mkdir", "open", "sync_directory"])
async def test_a_full_disk_is_waited_for_wherever_it_shows(
    tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor_module, "DISK_FULL_RETRY_SECONDS", 0.001)
    stage = Stage(tmp_path / "read", count=20, disk=Full(errno.ENOSPC, operation, 20))
    async with stage.running():
        await stage.until(lambda standing: standing.state == "waiting")
        await stage.until(_at(20))


@pytest.mark.parametrize("operation", ["mkdir", "open", "sync_directory"])
async def test_a_folder_that_cannot_be_written_stops_this_read_model_alone(tmp_path: Path, operation: str) -> None:
    stage = Stage(tmp_path / "read", count=20, disk=Full(errno.EACCES, operation, 1_000))
    async with stage.running():
        standing = await stage.until(lambda standing: standing.state == "broken")
        stage.grow(notes(30)[20:])
    assert "Permission denied" in standing.reason and str(tmp_path) in standing.reason


async def test_a_folder_that_can_be_written_again_is_written_when_the_log_grows(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=20, disk=Full(errno.EACCES, "mkdir", 1))
    async with stage.running():
        await stage.until(lambda standing: standing.state == "broken")
        stage.grow(notes(30)[20:])
        await stage.until(_at(30))


async def test_a_marker_that_cannot_be_left_is_missed_by_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "read", count=20)
    async with stage.running():
        await stage.until(_at(20))
    disk = Full(errno.ENOSPC, "open", 0)
    again = Stage(tmp_path / "read", count=20, disk=disk)
    async with again.running():
        await again.until(_at(20))
        disk.left["open"] = 1_000
    third = Stage(tmp_path / "read", count=20)
    async with third.running():
        assert (await third.until(_at(20))).generation == 1
