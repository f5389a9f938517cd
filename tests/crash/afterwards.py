"""What must hold on a sound disk after whatever happened."""

from __future__ import annotations

from eventsrc.checkpoint.shelf import Shelf
from eventsrc.clock import SystemClock
from eventsrc.durable import Disk, SystemDisk
from eventsrc.log import Log, verify
from eventsrc.log.layout import MANIFEST, log_directory, segment_name, segments
from eventsrc.log.lock import is_held
from eventsrc.projector.generations import current
from tests.conformance.projections import rows
from tests.crash.scenario import PROJECTIONS, SETTINGS, live, rebuild_all
from tests.crash.world import Kept, World


def check(world: World) -> None:
    """Starts again: everything acknowledged is there, once; what was not is recorded now, once; live equals rebuilt.
    Raises AssertionError, or whatever keeps the service from living."""
    disk = SystemDisk()
    found(world, disk)
    world.complete()
    live(world, disk)
    kept = Kept(world.data)
    kept.is_whole()
    assert list(world.spool.iterdir()) == []
    verdict = verify(world.data)
    assert verdict.ok, verdict.problems
    shelf = Shelf(world.data / "checkpoints", disk)
    assert shelf.ids() and [shelf.verify(id_) for id_ in shelf.ids()] == [[]] * len(shelf.ids())
    lived = dump(world)
    for result in rebuild_all(world.data, disk):
        assert (result.events, result.dead_letters, result.error) == (kept.head, 0, ""), result.name
    assert dump(world) == lived


def found(world: World, disk: Disk) -> None:
    """What the log itself kept, before anybody records anything again. A tail that was not finished is no damage, but
    `verify` tells of it as long as nobody has opened the log since."""
    log = log_directory(world.data)
    assert not is_held(log), "the dead hold nothing"
    ends = (MANIFEST, *(segment_name(first) for first in segments(log)[-1:]))
    problems = verify(world.data).problems
    assert all(problem.segment in ends for problem in problems), problems
    opened = Log.open(world.data, disk=disk, clock=SystemClock(), segment_bytes=SETTINGS.log.segment_bytes)
    opened.close()
    kept = Kept(world.data)
    kept.is_sound()
    assert kept.head == opened.head >= world.acknowledged()
    assert verify(world.data).ok


def dump(world: World) -> dict[str, object]:
    """All rows of the read models that answer now, but when they were written, and the files beside them."""
    rows_of: dict[str, object] = {}
    for projection in PROJECTIONS:
        path = current(world.data / "read", projection.name)
        tables = rows(path)
        rows_of[projection.name] = {table: content for table, content in tables.items() if table != "schema_version"}
        beside = path.with_suffix(".files")
        files = (file for file in beside.rglob("*") if file.is_file())
        rows_of[f"{projection.name}: files"] = {str(file.relative_to(beside)): file.read_bytes() for file in files}
    return rows_of
