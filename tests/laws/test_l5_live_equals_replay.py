"""L5: a read model rebuilt from position 1 equals the one built live, row for row, whatever the batch boundaries were
and however often the service was killed.

Dying is shown in three ways: at every statement and every durable operation of a rebuild and its switch (the folder is
copied as it stands and a new projector starts on the copy); at random places of a life; and with a real SIGKILL.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Watermark
from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.plugin import Projection
from eventsrc.projector import store as store_module
from eventsrc.projector.actor import Projector
from eventsrc.projector.feed import Feed
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.conformance.projections import ListLog, Rows, rows, site
from tests.conformance.prompts import Notes, Prompts, join, notes

COUNT = 400
POISON = (1, 120, 121, 400)


class Second(Prompts):
    """The next version: another table, the same name."""

    version = 2
    schema = (*Prompts.schema, "CREATE TABLE more(x INTEGER) STRICT")


def _log(count: int = COUNT) -> ListLog:
    return ListLog(notes(COUNT, poison=POISON)[:count])


def _replayed(folder: Path, projection: type[Projection] = Prompts, log: ListLog | None = None) -> Rows:
    made = site(folder, log or _log(), Notes(), join)
    rebuild([projection], made)
    return rows(current(folder, projection.name))


async def _lived(read_dir: Path, projection: type[Projection], log: ListLog) -> None:
    """A service's projector, from start to an orderly end."""
    watermark = Watermark(log.head())
    watermark.close()
    with anyio.fail_after(20):
        await Projector(projection, site(read_dir, log, Notes(), join), watermark).run()


async def test_live_in_many_lives_equals_replay(tmp_path: Path) -> None:
    chance = random.Random(5)
    for turn in range(5):
        read_dir = tmp_path / f"read{turn}"
        ends = sorted({chance.randrange(COUNT) for _ in range(chance.randrange(1, 12))} | {COUNT})
        for end in ends:
            await _lived(read_dir, Prompts, _log(end))
        assert rows(current(read_dir, "prompts")) == _replayed(tmp_path / f"fresh{turn}"), ends


async def test_deleting_everything_but_the_log_gives_the_same_rows(tmp_path: Path) -> None:
    await _lived(tmp_path / "read", Prompts, _log())
    before = rows(current(tmp_path / "read", "prompts"))
    shutil.rmtree(tmp_path / "read")
    await _lived(tmp_path / "read", Prompts, _log())
    assert rows(current(tmp_path / "read", "prompts")) == before


class Copies:
    """Copies the folder whenever something is about to happen to it."""

    def __init__(self, read_dir: Path, to: Path) -> None:
        self.read_dir = read_dir
        self.to = to
        self.made: list[tuple[str, Path]] = []
        self._last = ""

    def take(self, what: str) -> None:
        if what == self._last:  # rows of one executemany
            return
        self._last = what
        copy = self.to / f"{len(self.made)}"
        shutil.copytree(self.read_dir, copy, ignore=shutil.ignore_patterns("*-shm", "lock"))
        self.made.append((what, copy))


class CopyingDisk(SystemDisk):
    """Lets the process die before every durable operation."""

    def __init__(self, copies: Copies) -> None:
        self.copies = copies

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.copies.take("write")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.copies.take("sync")
        super().sync(fd)

    def rename(self, old: str, new: str) -> None:
        self.copies.take("rename")
        super().rename(old, new)

    def sync_directory(self, path: str) -> None:
        self.copies.take("sync_directory")
        super().sync_directory(path)


def _traced(copies: Copies) -> Callable[[Path, str, Sequence[str]], sqlite3.Connection]:
    connect = store_module._connect

    def traced(path: Path, mode: str, tuning: Sequence[str]) -> sqlite3.Connection:
        connection = connect(path, mode, tuning)
        connection.set_trace_callback(lambda statement: copies.take(statement[:20]))
        return connection

    return traced


async def test_killed_in_every_step_of_rebuild_and_switch_the_next_life_ends_at_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log() -> ListLog:
        return ListLog(notes(16, poison={9}))  # small: with a poison event every event is a transaction

    read_dir = tmp_path / "read"
    _replayed(read_dir, log=log())
    first = rows(current(read_dir, "prompts"))
    second = _replayed(tmp_path / "fresh", Second, log())
    copies = Copies(read_dir, tmp_path / "copies")
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_connect", _traced(copies))
        feed = Feed(lambda: (log(), Notes(), join), workers=0)
        rebuild([Second], Site(read_dir, feed, CopyingDisk(copies), SystemClock()))
    answered = set()
    for what, copy in copies.made:
        generation = Generations(copy, "prompts").current()
        answered.add(generation)
        at_once = rows(current(copy, "prompts"))
        assert at_once == (first if generation == 1 else second), f"a reader sees a half-made answer before {what}"
        await _lived(copy, Second, log())
        assert rows(current(copy, "prompts")) == second, f"killed before {what}"
        assert len(Generations(copy, "prompts").numbers()) <= 2, f"a leftover stays after a kill before {what}"
    assert answered == {1, 2}, "some kills come before the switch and some after"
    assert len(copies.made) > 40


CHILD = """
import sys
from pathlib import Path
import anyio
from eventsrc.actor import Watermark
from eventsrc.projector import actor
from eventsrc.projector.actor import Projector
from tests.conformance.projections import ListLog, site
from tests.conformance.prompts import Notes, Prompts, join, notes

actor.BEAT_SECONDS = 0.001  # many small batches to be killed in

async def main():
    events = notes(int(sys.argv[3]), poison=(1, 120, 121, 400))
    log = ListLog(events[: int(sys.argv[2])])
    watermark = Watermark(log.head())
    projector = Projector(Prompts, site(Path(sys.argv[1]), log, Notes(), join), watermark,
                          lambda standing: print(standing.position, flush=True))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(projector.run)
        while log.head() < len(events):
            await anyio.sleep(0.001)
            log.events = events[: log.head() + 7]
            watermark.advance(log.head())
        watermark.close()

anyio.run(main)
"""


@pytest.mark.crash
def test_killed_for_real_again_and_again_it_ends_at_the_same_rows(tmp_path: Path) -> None:
    count = 6_000
    read_dir = tmp_path / "read"
    chance = random.Random(11)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    kills = reached = 0
    while reached < count:
        # The log has always grown a little further than the read model was seen to be.
        grown = min(reached + 200, count)
        arguments = [sys.executable, "-c", CHILD, str(read_dir), str(grown), str(count)]
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment)
        assert child.stdout is not None
        # By how far it came, and not by how often it told: on a busy machine it takes larger steps.
        end = reached + chance.randrange(1, count // 10) if kills < 8 else count
        with child.stdout:
            for line in child.stdout:
                reached = int(line)
                if reached >= end:
                    break
            child.send_signal(signal.SIGKILL)
        kills += child.wait(60) == -signal.SIGKILL
    assert kills >= 5
    log = ListLog(notes(count, poison=POISON))
    assert rows(current(read_dir, "prompts")) == _replayed(tmp_path / "fresh", Prompts, log)
