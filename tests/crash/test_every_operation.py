"""The n-th durable operation is the last, or fails; afterwards nothing that was acknowledged is missing."""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from eventsrc.checkpoint.shelf import Shelf
from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.errors import EventsrcError
from eventsrc.log import Log, LogReader, verify
from eventsrc.projector import current, discover, rebuild
from eventsrc.service.models import site_of
from eventsrc.testing.disk import Crash, Fault, FaultyDisk, Loss
from tests.conformance.projections import rows
from tests.crash.scenario import BATCH, LINES, SEGMENT, acknowledged, play, project

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1500)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many durable operations the whole run makes."""
    folder = tmp_path_factory.mktemp("count")
    disk = FaultyDisk()
    play(folder / "data", folder / "witness", disk)
    assert acknowledged(folder / "witness") == len(LINES)
    assert {"write", "sync", "sync_directory", "rename", "mkdir", "open"} <= set(disk.did)
    return disk.count


def dump(data: Path) -> dict[str, object]:
    """All rows of the read models that answer now, but when they were written, and the files beside them."""
    found: dict[str, object] = {}
    for name in discover().projections:
        tables = rows(current(data / "read", name))
        found[name] = {table: content for table, content in tables.items() if table != "schema_version"}
    blocks = (path for path in (data / "deltas").rglob("*.txt"))
    found["files"] = {str(path.relative_to(data / "deltas")): path.read_bytes() for path in blocks}
    return found


def check(data: Path, witness: Path) -> None:
    """Starts again on a sound disk: everything acknowledged is there, once, and live equals rebuilt."""
    disk = SystemDisk()
    log = Log.open(data, disk=disk, clock=SystemClock(), segment_bytes=SEGMENT)
    head = log.head
    log.close()
    kept = acknowledged(witness)
    assert head >= kept and head % BATCH == 0 and head - kept in (0, BATCH), "whole batches only"
    assert verify(data).ok
    reader = LogReader(data)
    found: list[bytes] = []
    while events := reader.read(len(found), until=head):
        found += [event.raw for event in events]
    assert found == LINES[:head]
    project(data, disk, head)
    live = dump(data)
    shelf = Shelf(data / "checkpoints", disk)
    for meta in shelf.all():
        assert shelf.verify(meta.id) == []
    for result in rebuild(list(discover().projections.values()), site_of(data, disk, SystemClock())):
        assert (result.events, result.dead_letters, result.error) == (head, 0, ""), result.name
    assert dump(data) == live


@pytest.mark.parametrize("how", ["lost", "torn", "zeros"])
def test_a_power_failure_at_any_operation(tmp_path: Path, operations: int, how: Loss) -> None:
    chance = random.Random(how)
    for number in range(1, operations + 1, 3 if how != "torn" else 2):
        data, witness = tmp_path / f"{number}", tmp_path / f"{number}.witness"
        disk = FaultyDisk(Fault(number, "crash"))
        with contextlib.suppress(Crash, BaseExceptionGroup, EventsrcError, sqlite3.Error):
            play(data, witness, disk)  # what a dying program says on its way down does not matter
        assert disk.did[number - 1 :] == disk.did[number - 1 : number], "nothing reached the disk after it"
        disk.lose(how, lambda size: chance.randint(0, size))
        check_or_empty(data, witness)
        shutil.rmtree(data, ignore_errors=True)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_an_error_at_any_operation(tmp_path: Path, operations: int, error: int) -> None:
    """The run may go on or end with an error of ours; either way nothing is lost."""
    for number in range(1, operations + 1, 2):
        data, witness = tmp_path / f"{number}", tmp_path / f"{number}.witness"
        try:
            play(data, witness, FaultyDisk(Fault(number, "short" if number % 4 == 1 else "error", error)))
        except (EventsrcError, OSError, BaseExceptionGroup):
            pass
        check_or_empty(data, witness)
        shutil.rmtree(data, ignore_errors=True)


def check_or_empty(data: Path, witness: Path) -> None:
    """A run that failed before its first acknowledgement may have left nothing to project."""
    if acknowledged(witness):
        check(data, witness)
    else:
        log = Log.open(data, disk=SystemDisk(), clock=SystemClock(), segment_bytes=SEGMENT)
        assert log.head in (0, BATCH)
        log.close()


def test_a_kill_at_any_operation(tmp_path: Path, operations: int) -> None:
    """Real processes, really killed; every seventh operation, because each costs a start of Python."""
    for number in range(1, operations + 1, 7):
        data, witness = tmp_path / f"{number}", tmp_path / f"{number}.witness"
        command = [sys.executable, "-m", "tests.crash.scenario", str(data), str(witness), str(number)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        check_or_empty(data, witness)
        shutil.rmtree(data, ignore_errors=True)
