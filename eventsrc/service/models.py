"""The read models of one service: a projector for each, and what they tell about themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec

from eventsrc.actor import Charge, Policy, Stage, Watermark
from eventsrc.clock import Clock, SystemClock, parse_time
from eventsrc.config import ProjectionSettings
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import EventsrcError, ReadModelUnusable, UnknownProjection
from eventsrc.event import Position
from eventsrc.metrics import Metrics
from eventsrc.metrics.groups import ProjectionMetrics
from eventsrc.plugin import Projection
from eventsrc.projector.actor import Projector
from eventsrc.projector.discovery import Discovery, Problem, discover, furnished
from eventsrc.projector.elsewhere import Make
from eventsrc.projector.opening import open_feed
from eventsrc.projector.rebuild import Construction, Rebuilt
from eventsrc.projector.site import Site, Standing
from eventsrc.projector.together import Together


def site_of(data: Path, disk: Disk, clock: Clock) -> Site:
    """Where read models live and what they are made from."""
    return Site(data / "read", open_feed(data), disk, clock)


def construction_of(data: Path, settings: ProjectionSettings, names: Sequence[str]) -> Construction:
    """Begins to build read models in a process of its own, which knows nothing but this."""
    found = installed(settings)
    return Construction(chosen(found, names), site_of(data, SystemDisk(), SystemClock()))


def chosen(discovery: Discovery, names: Sequence[str]) -> list[type[Projection]]:
    """The installed projections of these names, all without names. Raises UnknownProjection, ReadModelUnusable."""
    for name in names:
        unusable = [one.reason for one in discovery.problems if one.name == name]
        if name not in discovery.projections and unusable:
            raise ReadModelUnusable(name=name, reason=unusable[0])
        if name not in discovery.projections:
            raise UnknownProjection(name=name, known=", ".join(discovery.projections) or "none")
    return [one for name, one in discovery.projections.items() if not names or name in names]


def installed(settings: ProjectionSettings) -> Discovery:
    """The installed projections but those that are switched off, with the files that a person set for them. A file that
    is missing or wrong is a problem of its read model alone. Raises UnknownProjection."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    found = discover()
    chosen(found, settings.without)
    for name in settings.without:
        found.projections.pop(name, None)
    for name, path in (setting.partition("=")[::2] for setting in settings.files):
        try:
            texts[name] = Path(path).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(name, path, f"the file that is set for it: {error}"))
            found.projections.pop(name, None)
    furnished_ = furnished(found, {name: text for name, text in texts.items() if name in found.projections})
    return Discovery(furnished_.projections, (*furnished_.problems, *problems))


class Models:
    """Projectors, their standings, and rebuilds on request."""

    def __init__(
        self,
        site: Site,
        projections: Sequence[type[Projection]],
        watermark: Watermark,
        metrics: Metrics,
        make: Make | None = None,
    ) -> None:
        """`make`: how a process of its own builds what is large; without it everything is built here."""
        self._site = site
        self._projections = projections
        self._watermark = watermark
        self._metrics = metrics
        self._projectors: dict[str, Projector] = {}
        self.standings: dict[str, Standing] = {}
        self._stages = {one.name: metrics.stage(f"projector:{one.name}") for one in projections}
        self._numbers: dict[str, ProjectionMetrics] = {}
        self._together = Together.on(site, make)
        self._moved = anyio.Event()

    def charges(self) -> list[Charge]:
        """One actor per projection. They end when the log's watermark is closed and they have caught up."""
        return [
            Charge(
                name=f"projector:{projection.name}",
                make=partial(self._make, projection),
                policy=Policy.RESTART,
                stage=Stage.PROJECTOR,
                close=self._watermark.close,
            )
            for projection in self._projections
        ]

    def status(self, head: int) -> dict[str, dict[str, Any]]:
        """Name → how it stands, as `status --json` shows it."""
        return {name: described(standing, head) for name, standing in self.standings.items()}

    async def rebuild(self, names: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        """Rebuilds them beside the live ones, from one pass over the log; yields how many are done, and the report at
        the end. Raises what the first one raises that cannot be rebuilt, when the others are done."""
        wanted = chosen(Discovery({one.name: one for one in self._projections}), names)
        report: dict[str, Any] = {}
        failures: list[EventsrcError] = []
        send, receive = anyio.create_memory_object_stream[None](len(wanted))

        async def one(name: str) -> None:
            try:
                report[name] = report_of(await self._projectors[name].rebuild())
            except EventsrcError as error:
                failures.append(error)
            send.send_nowait(None)

        async with anyio.create_task_group() as tasks:
            with send, receive:
                for projection in wanted:
                    tasks.start_soon(one, projection.name)
                for done in range(len(wanted)):
                    yield {"done": done, "total": len(wanted)}
                    await receive.receive()
        if failures:
            raise failures[0]
        yield {one.name: report[one.name] for one in wanted}

    async def caught_up(self, position: Position) -> None:
        """Returns when every read model that can has applied the log up to a position."""
        while any(one.state != "broken" and one.position < position for one in self.standings.values()):
            await self._moved.wait()

    def measure(self, recorded: Callable[[Position], float | None]) -> None:
        """Sets how far each read model is behind, which grows although its projector tells nothing. `recorded`: when
        the event behind a position was accepted."""
        for standing in self.standings.values():
            numbers = self._numbers_of(standing.name)
            behind = max(0, self._watermark.position - standing.position)
            numbers.lag_events.set(behind)
            numbers.oldest_unapplied.set((recorded(standing.position) or 0.0) if behind else 0.0)

    def _numbers_of(self, name: str) -> ProjectionMetrics:
        """Looked up once: every commit of a read model tells its numbers."""
        if name not in self._numbers:
            self._numbers[name] = self._metrics.projection(name)
        return self._numbers[name]

    def _make(self, projection: type[Projection]) -> Projector:
        made = Projector(projection, self._site, self._watermark, self._told, self._together)
        self._projectors[projection.name] = made
        return made

    def _told(self, standing: Standing) -> None:
        before = self.standings.get(standing.name)
        self.standings[standing.name] = standing
        self._moved.set()
        self._moved = anyio.Event()
        numbers = self._numbers_of(standing.name)
        numbers.position.set(standing.position)
        numbers.dead_letters.set(standing.dead_letters)
        numbers.generation.set(standing.generation)
        numbers.rebuilding.set(standing.state == "building")
        recorded = parse_time(standing.recorded) if standing.recorded else None
        live = standing.state == "live" and standing.position == self._watermark.position
        if live and before is not None and before.position < standing.position and recorded is not None:
            now = self._site.clock.now()
            numbers.visible.observe(max(0.0, now - recorded))
            numbers.batch.observe(standing.batch_seconds)
            self._stages[standing.name].count(standing.position - before.position, now)


def described(standing: Standing, head: int) -> dict[str, Any]:
    """One read model in `status --json`."""
    shown: dict[str, Any] = msgspec.to_builtins(standing)
    del shown["name"], shown["batch_seconds"]
    return {**shown, "lag_events": max(0, head - standing.position)}


def report_of(result: Rebuilt) -> dict[str, Any]:
    """One read model in `rebuild --json`; `error` only when there is one."""
    shown: Mapping[str, Any] = msgspec.to_builtins(result)
    return {key: value for key, value in shown.items() if key != "name" and (key != "error" or value)}
