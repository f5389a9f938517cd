"""Commands without a running service: the same rooms, for as long as the work takes."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread

from eventsrc import __version__
from eventsrc.actor import Supervisor
from eventsrc.clock import SystemClock
from eventsrc.config import ProjectionSettings, Settings
from eventsrc.durable import SystemDisk
from eventsrc.errors import EventsrcError, NoStore, RebuildRunning, TryAgain
from eventsrc.metrics import Metrics
from eventsrc.plugin import Projection
from eventsrc.projector.generations import Generations
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from eventsrc.service.checkpoints import Checkpoints
from eventsrc.service.failure import what_it_was
from eventsrc.service.models import Models, chosen, installed, report_of, site_of
from eventsrc.service.oneshot import ingest_source
from eventsrc.service.pipeline import Pipeline
from eventsrc.source import Follow, Stdin

Told = Callable[[int, int], None]
"""(done, total)."""

PATIENCE = 86_400.0  # seconds for the read models to catch up: as long as it takes; a person who waits can interrupt


def ingest_here(settings: Settings, data: Path, paths: Sequence[str], progress: Told) -> dict[str, Any]:
    """Records files, or standard input (`-`), and brings the read models up to date.

    Takes the log's lock; raises LockHeld, LogCorrupt, LogFailed. Returns the shape of `ingest --json`.
    """
    return anyio.run(_ingest, settings, data, tuple(paths), progress)


def rebuild_here(
    data: Path, names: Sequence[str], progress: Told, settings: ProjectionSettings | None = None
) -> dict[str, Any]:
    """Builds read models anew from the log; returns the shape of `rebuild --json`."""
    _need_log(data)
    site = site_of(data, SystemDisk(), SystemClock())
    results = rebuild(chosen(installed(settings or ProjectionSettings()), names), site, progress=progress)
    return {result.name: report_of(result) for result in results}


def checkpoint_here(data: Path, label: str | None) -> dict[str, Any]:
    """Makes a checkpoint; returns the shape of `checkpoint create --json`."""
    _need_log(data)
    return Checkpoints(data, SystemDisk(), SystemClock()).create(label)


def _need_log(data: Path) -> None:
    if not (data / "log").is_dir():
        raise NoStore(path=data)


async def _ingest(settings: Settings, data: Path, paths: tuple[str, ...], progress: Told) -> dict[str, Any]:
    clock, metrics = SystemClock(), Metrics(__version__)
    thread = anyio.CapacityLimiter(1)
    pipeline = await anyio.to_thread.run_sync(Pipeline, data, settings, SystemDisk(), clock, metrics, limiter=thread)
    supervisor = Supervisor()
    projections = chosen(installed(settings.projections), settings.projections.only)
    site = site_of(data, SystemDisk(), clock)
    models = Models(site, projections, pipeline.watermark, metrics)
    for charge in pipeline.charges():
        supervisor.add(charge)
    source = (
        Stdin(uuid.uuid4().hex, os.dup(0))
        if paths == ("-",)
        else Follow(paths, pipeline.cursor, once=True, progress=progress)
    )
    report: dict[str, Any] = {}

    async def work() -> None:
        report.update(await ingest_source(pipeline, source, clock))
        await _build_missing(site, projections)
        for charge in models.charges():  # only now: durable first, and a fold beside it would halve the speed
            supervisor.add(charge)
        await supervisor.stop(PATIENCE)

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await supervisor.run()
    except* EventsrcError as failed:
        raise what_it_was(failed) from None
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(pipeline.close, limiter=thread)
    return report


async def _build_missing(site: Site, projections: Sequence[type[Projection]]) -> None:
    """Builds the read models that are not there yet from one pass over the log; left alone, each would read all of it
    for itself. One that cannot be built is left to its projector, which says why."""

    def build() -> None:
        missing = [one for one in projections if Generations(site.read_dir, one.name).current_or_none() is None]
        if missing:
            rebuild(missing, site, progress=lambda _position, _until: anyio.from_thread.check_cancelled())

    with contextlib.suppress(RebuildRunning, TryAgain):
        await anyio.to_thread.run_sync(build, limiter=anyio.CapacityLimiter(1))
