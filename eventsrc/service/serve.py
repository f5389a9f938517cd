"""The service from its first to its last moment."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from eventsrc import __version__
from eventsrc.actor import Charge, DrainReport, Heartbeat, Policy, Stage, Supervisor, Watermark, mailbox_pulse, systemd
from eventsrc.actor.watchdog import WatchdogFeeder
from eventsrc.checkpoint.place import Place
from eventsrc.clock import Clock, SystemClock
from eventsrc.config import Settings
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import CannotListen, EventsrcError
from eventsrc.http import bind_unix
from eventsrc.http.app import ROUTES
from eventsrc.http.server import Door, HttpServer
from eventsrc.limits import HEALTH_SECONDS, LOOK_SECONDS, OPENING_SECONDS, VERIFY_AT_START_BYTES
from eventsrc.liveness import Prober
from eventsrc.log import Digests
from eventsrc.log.scrub import Scrubber
from eventsrc.metrics import Metrics
from eventsrc.query import ReadModels
from eventsrc.service.around import around
from eventsrc.service.asking import asked
from eventsrc.service.failure import what_it_was
from eventsrc.service.following import Following, measure
from eventsrc.service.gauges import Gauges
from eventsrc.service.keeper import Keeper
from eventsrc.service.listening import Listening
from eventsrc.service.memory import few_arenas
from eventsrc.service.models import Models, chosen, construction_of, installed, site_of
from eventsrc.service.pipeline import Pipeline
from eventsrc.service.port import ServicePort
from eventsrc.service.reporter import reporting
from eventsrc.service.watched import watched_processes
from eventsrc.source import Follow, SourcePosition
from eventsrc.source.pace import Pace

logger = logging.getLogger(__name__)


def serve(settings: Settings, data: Path, paths: Sequence[str], *, as_json: bool = False) -> int:
    """Runs the service in the foreground until a signal; returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("uvicorn", "watchfiles"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    few_arenas()
    service = Service(settings, data, paths)
    try:
        anyio.run(service.run)
    except* EventsrcError as group:
        raise what_it_was(group) from None
    return 0


class Service:
    """Everything of one data directory. `run` once."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        paths: Sequence[str],
        *,
        disk: Disk | None = None,
        clock: Clock | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.data = data
        self.paths = paths
        self.disk = disk or SystemDisk()
        self.clock = clock or SystemClock()
        self.metrics = Metrics(__version__)
        self.report: DrainReport | None = None
        self._ready = ready
        self._stopping = anyio.Event()
        self._thread = anyio.CapacityLimiter(1)
        self._running = anyio.Event()
        self._head: Watermark

    async def reached(self, position: int) -> None:
        """Returns when the event at `position` is durable; call it while `run` works."""
        await self._running.wait()
        await self._head.beyond(position - 1)

    def stop(self) -> None:
        """Asks the service to drain and end; `run` then returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Opens the log, starts every actor, serves until `stop` or a signal, drains. Raises what an actor died of."""
        systemd.notify(systemd.status("opening the log"))
        with systemd.more_time(OPENING_SECONDS):
            pipeline = await anyio.to_thread.run_sync(
                Pipeline, self.data, self.settings, self.disk, self.clock, self.metrics, limiter=self._thread
            )
        self._head = pipeline.watermark
        try:
            await self._supervise(pipeline)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(pipeline.close, limiter=self._thread)

    async def _supervise(self, pipeline: Pipeline) -> None:
        supervisor = Supervisor(
            clock=self.clock, restarted=lambda name: self.metrics.actors.restarts.labels(name).inc()
        )
        heartbeat = Heartbeat(clock=self.clock)
        charges = self._charges(pipeline, heartbeat)
        self.metrics.actors.declare(charge.name for charge in charges)
        for charge in charges:
            supervisor.add(charge)
            if charge.mailbox is not None:
                heartbeat.watch(charge.name, mailbox_pulse(charge.mailbox))
        async with anyio.create_task_group() as group:
            group.start_soon(self._end_when_asked, supervisor, group.cancel_scope)
            group.start_soon(self._signals)
            self._say_ready(pipeline)
            await supervisor.run()
            group.cancel_scope.cancel()

    def _charges(self, pipeline: Pipeline, heartbeat: Heartbeat) -> list[Charge]:
        discovery = installed(self.settings.projections)
        for problem in discovery.problems:
            logger.error("the read model %s (%s) cannot be used: %s", problem.name, problem.where, problem.reason)
        for missing in pipeline.formats.missing:
            logger.error("the format %s (%s) cannot be used: %s", missing.name, missing.where, missing.reason)
        site = site_of(self.data, self.disk, self.clock)
        projections = chosen(discovery, self.settings.projections.only)
        apart = partial(construction_of, self.data, self.settings.projections)
        models = Models(site, projections, pipeline.watermark, self.metrics, apart)
        look = self.settings.source.look_seconds
        follow = Follow(self.paths, pipeline.cursor, pace=Pace(min(LOOK_SECONDS, look), look))
        place = Place.of(self.data, Digests(self.data, lambda: pipeline.watermark.position), self.disk, self.clock)
        keeper = Keeper(place, self.settings.checkpoint, pipeline, self.metrics.checkpoint)
        listening = Listening(self.settings.zmq, pipeline, self.metrics) if self.settings.zmq.enabled else None
        places = [follow.positions, *([listening.positions] if listening else [])]
        sources = partial(_all, places)
        port = ServicePort(self, pipeline, models, sources, keeper, heartbeat)
        self.metrics.before_scrape(Gauges(self.data, self.metrics, pipeline, models, sources, heartbeat).refresh)
        return [
            *self._sources(pipeline, follow, asked(self.data, discovery)),
            *around(self.data, self.settings, pipeline, asked(self.data, discovery), self.metrics, self.clock),
            *([listening.charge()] if listening else []),
            self._http(port),
            *pipeline.charges(),
            self._scrub(),
            *models.charges(),
            keeper.charge(),
            *self._reports(asked(self.data, discovery)),
            self._watchdog(heartbeat, pipeline, models),
        ]

    def _sources(self, pipeline: Pipeline, follow: Follow, questions: ReadModels) -> list[Charge]:
        charges = []
        if self.paths:
            measure(follow, self.metrics)
            charges.append(
                Charge(
                    name=Following.name,
                    make=lambda: Following(follow, pipeline),
                    policy=Policy.RESTART,
                    stage=Stage.SOURCE,
                )
            )
        if self.settings.liveness.enabled:
            charges.append(
                Charge(
                    name=Prober.name,
                    make=lambda: Prober(
                        watched_processes(questions),
                        pipeline.deliver,
                        pace=self.settings.liveness.every_seconds,
                        probed=lambda verdict: self.metrics.liveness.probes.labels(verdict).inc(),
                    ),
                    policy=Policy.RESTART,
                    stage=Stage.SOURCE,
                )
            )
        return charges

    def _reports(self, questions: ReadModels) -> list[Charge]:
        place = (self.disk, self.clock)
        return reporting(self.settings.report, self.data, questions, self.metrics.report, place)

    def _scrub(self) -> Charge:
        return Charge(
            name=Scrubber.name,
            make=lambda: Scrubber(self.data, VERIFY_AT_START_BYTES),
            policy=Policy.STOP,
            stage=Stage.SOURCE,
        )

    def _http(self, port: ServicePort) -> Charge:
        self.metrics.http.declare(ROUTES)
        server = HttpServer(port, self._doors(), hosts=self.settings.http.hosts)
        return Charge(
            name=HttpServer.name, make=lambda: server, policy=Policy.RESTART, stage=Stage.SOURCE, close=server.stop
        )

    def _doors(self) -> list[Door]:
        """The listeners: the one in the data directory, where commands look, and those that systemd hands over; a TCP
        listener of our own where it hands over none."""
        path = self.data / "eventsrc.sock"
        doors = [Door(bind_unix(path), admin=True, path=path)]
        for one in systemd.listen_fds():
            taken = socket.socket(fileno=one.fd)
            doors.append(Door(taken, admin=taken.family == socket.AF_UNIX))
        if self.settings.http.listen and not any(door.socket.family != socket.AF_UNIX for door in doors):
            doors.append(Door(bind_tcp(self.settings.http.listen)))
        return doors

    def _watchdog(self, heartbeat: Heartbeat, pipeline: Pipeline, models: Models) -> Charge:
        def status() -> str:
            lag = max((pipeline.watermark.position - one.position for one in models.standings.values()), default=0)
            return f"at position {pipeline.watermark.position}, read models {lag} events behind"

        return Charge(
            name=WatchdogFeeder.name,
            make=lambda: WatchdogFeeder(heartbeat.check, status, within=systemd.watchdog_seconds()),
            policy=Policy.RESTART,
            stage=Stage.WATCH,
        )

    def _say_ready(self, pipeline: Pipeline) -> None:
        recovery = pipeline.log.recovery
        logger.info("the log in %s is at position %d", self.data, pipeline.log.head)
        if not recovery.clean or recovery.index:
            logger.warning("opening it found: %s", recovery)
            self.metrics.log.rollbacks.inc(len(recovery.cuts))
        systemd.notify(systemd.READY, systemd.status(f"at position {pipeline.log.head}"))
        self._running.set()
        self._ready()

    async def _end_when_asked(self, supervisor: Supervisor, _scope: anyio.CancelScope) -> None:
        await self._stopping.wait()
        systemd.notify(systemd.STOPPING, systemd.extend_timeout(self.settings.drain_seconds + HEALTH_SECONDS))
        self.report = await supervisor.stop(self.settings.drain_seconds)

    async def _signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
            async for number in received:
                logger.info("%s: draining", signal.Signals(number).name)
                self.stop()


def _all(places: Sequence[Callable[[], list[SourcePosition]]]) -> list[SourcePosition]:
    return [place for positions in places for place in positions()]


def bind_tcp(listen: str) -> socket.socket:
    """A bound listening socket. Raises CannotListen."""
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        raise CannotListen(listen=listen, reason=error.strerror or error) from error
