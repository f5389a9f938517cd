"""Lives of a service: each records what there is, seals, projects, makes a checkpoint, rebuilds, and ends.

The bounds are smaller than the service's, in the same proportions, so that a short file is several batches on their way
to the log at once and a dozen events are a group that is planned while the one before it is synced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import anyio

from eventsrc.actor import Supervisor, Ticket, Watermark
from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.place import Place
from eventsrc.clock import SystemClock
from eventsrc.config import Settings
from eventsrc.durable import Disk
from eventsrc.errors import EventsrcError, TryAgain
from eventsrc.event import Appended, Record
from eventsrc.formats import catalogue
from eventsrc.ingest import Arrival
from eventsrc.log import Digests, LogReader, writer
from eventsrc.log.writer import Append
from eventsrc.metrics import Metrics
from eventsrc.projector import actor, yard
from eventsrc.projector.actor import Projector
from eventsrc.projector.discovery import discover
from eventsrc.projector.rebuild import Rebuilt, rebuild
from eventsrc.service.failure import what_it_was
from eventsrc.service.models import site_of
from eventsrc.service.pipeline import Pipeline
from eventsrc.settings import LogSettings
from eventsrc.source import Follow, outbox, spool, step
from eventsrc.source.port import Deliver
from eventsrc.source.spool import Spool
from tests.crash.world import World

T = TypeVar("T")
PROJECTIONS = list(discover().projections.values())
SETTINGS = Settings(log=LogSettings(segment_bytes=24 * 1024))
DEADLINE = 60  # seconds for a life of half a second, on a machine that does other things too


SMALLER: list[tuple[ModuleType, str, object]] = [
    (writer, "OVERLAP_EVENTS", 8),
    (writer, "COMMIT_EVENTS", 16),
    (step, "BATCH_BYTES", 6 * 1024),
    *((module, "DISK_FULL_RETRY_SECONDS", 0.005) for module in (writer, outbox, spool, actor)),
    (yard, "GATHER_SECONDS", 0.0),
    (catalogue, "entry_points", cache(entry_points)),  # what is installed does not change meanwhile
]


def shrink() -> None:
    """Makes the bounds of this process small."""
    for module, name, value in SMALLER:
        assert hasattr(module, name), f"{module.__name__} has another bound now"
        setattr(module, name, value)


def play(world: World, disk: Disk) -> None:
    """Two lives, with everything that touches the disk."""
    world.begin()
    live(world, disk)
    world.complete()
    live(world, disk, rebuilt=True)


def live(world: World, disk: Disk, *, rebuilt: bool = False) -> None:
    """One life. Raises the error that ends it: of those that pass, only what comes twice."""
    with closing(patiently(lambda: Pipeline(world.data, SETTINGS, disk, SystemClock(), Metrics("test")))) as pipeline:
        anyio.run(record, world, pipeline)
        project(world.data, disk, pipeline.log.head)
        patiently(lambda: checkpoint(world.data, disk))
        if rebuilt:
            patiently(lambda: rebuild_all(world.data, disk))


def patiently(work: Callable[[], T]) -> T:
    """Tries once more what says that it may be tried again."""
    try:
        return work()
    except TryAgain:
        return work()


async def record(world: World, pipeline: Pipeline) -> None:
    """Everything that there is outside, from three sides at once, until it is durable."""
    supervisor = Supervisor()
    for batch in world.batches():  # before anybody writes: they become groups that overlap, however tasks are run
        await pipeline.appends.send(Append(batch, world.ticket()))
    for charge in pipeline.charges():
        supervisor.add(charge)

    async def deliver(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        ticket = world.ticket()
        await pipeline.arrivals.send(Arrival(records, ticket, after=after))
        return ticket

    async def work() -> None:
        async with anyio.create_task_group() as sources:
            sources.start_soon(Follow([world.file], pipeline.cursor, once=True, hints=False).run, deliver)
            sources.start_soon(empty, world, deliver)
        await supervisor.stop()

    with anyio.fail_after(DEADLINE):
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                await supervisor.run()
        except* EventsrcError as failed:
            raise what_it_was(failed) from None


async def empty(world: World, deliver: Deliver) -> None:
    """Takes from the spool until nothing is in it."""
    emptied = anyio.Event()

    async def pause(seconds: float) -> None:
        if not list(world.spool.iterdir()):
            emptied.set()
        await anyio.sleep(seconds)

    async with anyio.create_task_group() as group:
        group.start_soon(Spool(world.spool, SystemClock().now, pace=0.001, sleep=pause).run, deliver)
        await emptied.wait()
        group.cancel_scope.cancel()


def project(data: Path, disk: Disk, head: int) -> None:
    """Brings every read model up to the head, one after the other, so that the n-th operation is always the same."""

    async def work() -> None:
        watermark = Watermark(head)
        watermark.close()
        for projection in PROJECTIONS:
            await Projector(projection, site_of(data, disk, SystemClock()), watermark).run()

    anyio.run(work)


def checkpoint(data: Path, disk: Disk) -> None:
    """As the checkpointer does at the end of a life."""
    place = Place.of(data, Digests(data, LogReader(data).head), disk, SystemClock())
    place.shelf.sweep()
    create(place, None, automatic=True)


def rebuild_all(data: Path, disk: Disk) -> list[Rebuilt]:
    """Every read model anew from the log."""
    return rebuild(PROJECTIONS, site_of(data, disk, SystemClock()))
