"""The projector: an actor that keeps one read model up with the log.

It waits for "the log has grown to N", reads the files up to there at its own pace, and applies a batch at a time on a
thread. What it meets on the way decides what it does, and it says so (`Standing` and the diagnostics):

    locked by another program, no room   → waits, and goes on when it can
    damaged, outdated, of another log    → builds a new generation beside it, then switches
    files or a projection that fail      → stops this read model until it is rebuilt; the log and the others go on
    anything else                        → leaves `run`: the supervisor decides
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from eventsrc.actor import Watermark
from eventsrc.errors import ReadModelBroken, ReadModelDamaged, ReadModelLocked, RebuildRunning, RebuildStopped, TryAgain
from eventsrc.event import Position
from eventsrc.limits import APPLY_EVENTS, BEAT_SECONDS, BUSY_SECONDS, DISK_FULL_RETRY_SECONDS, FAR_EVENTS
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.build import Build
from eventsrc.projector.examine import foreign
from eventsrc.projector.live import Live
from eventsrc.projector.lock import Lock
from eventsrc.projector.rebuild import Rebuilt
from eventsrc.projector.site import Site, Standing, State
from eventsrc.projector.store import refusing
from eventsrc.projector.together import Together
from eventsrc.projector.yard import Order

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Projector:
    """One per projection. `report` is called on the event loop after every step, in order."""

    def __init__(
        self,
        projection: type[Projection],
        site: Site,
        watermark: Watermark,
        report: Callable[[Standing], None] = lambda _standing: None,
        together: Together | None = None,
    ) -> None:
        self.name = f"projector:{projection.name}"
        self._projection = projection
        self._site = site
        self._watermark = watermark
        self._report = report
        self._together = together or Together.on(site)
        self._live = Live(projection, site)
        self._running = False
        self._threads = anyio.CapacityLimiter(2)  # one applies, one builds; nobody else waits behind them
        self._turn = anyio.Lock()  # whoever touches the model: the loop, or the switch to a new generation
        self._building = anyio.Lock()
        self._blocked_since: float | None = None
        self.standing = Standing(projection.name, "building", 0, 0, 0, "starting")

    async def run(self) -> None:
        """Follows the log until the watermark closes and everything up to it is applied.

        Raises `RebuildRunning` at once when another process writes this read model.
        """
        lock = await self._lock()
        if lock is None:
            return
        self._running = True
        try:
            await self._open()
            await self._follow()
        finally:
            self._running = False
            self._together.pace.leave(self.name)
            try:
                with anyio.CancelScope(shield=True):  # closing takes milliseconds; a build stops at its next portion
                    async with self._building, self._turn:
                        await self._thread(self._live.close)
            finally:
                lock.release()

    async def rebuild(self) -> Rebuilt:
        """Builds a new generation beside the live one, which goes on being applied and answering, and switches to it
        with a pause of at most one batch. Raises `RebuildRunning` when that already happens, `RebuildStopped` when the
        service stops first."""
        if self._building.locked():
            raise RebuildRunning(
                name=self._projection.name, path=str(self._live.generations.folder), holder="this service"
            )
        if not self._running:
            raise RebuildStopped(name=self._projection.name)
        rebuilt = await self._replace("it was asked for")
        # The loop may have looked while there was no model: then it waits for what comes next.
        head = self._watermark.position
        while self._live.model is not None and self._live.model.position < head:
            await self._step(head)
        return rebuilt

    # --- following ---

    async def _lock(self) -> Lock | None:
        """Waits for room; where nothing can be written, until the log grows. None when the log ends before."""
        take = partial(Lock.take, self._live.generations.folder, self._projection.name, self._site.disk)
        while True:
            try:
                return await self._thread(take)
            except TryAgain as error:
                await self._wait(error)
            except ReadModelBroken as error:
                await self._break(error)
                try:
                    await self._watermark.beyond(self._watermark.position)
                except anyio.EndOfStream:
                    return None

    async def _open(self) -> None:
        while True:
            try:
                await self._thread(self._live.open)
                self._tell("live")
                return
            except ReadModelDamaged as error:
                await self._heal(error)
                return
            except ReadModelBroken as error:
                await self._break(error)
                return
            except TryAgain as error:
                await self._wait(error)

    async def _follow(self) -> None:
        seen: Position = 0
        while True:
            after = seen if self._live.model is None else self._live.model.position
            try:
                head = await self._watermark.beyond(after)
            except anyio.EndOfStream:
                return
            if self._live.model is None:
                seen = head  # nothing can be applied: look again when the log grows, or when it is rebuilt
                continue
            head = await self._together.pace.set_out(self.name, after, head)
            if head - after > max(after, FAR_EVENTS):  # so are the others in step with it: they are built together
                self._together.pace.leave(self.name)
                await self._build(f"it is {head - after} events behind")
            else:
                await self._step(head)
                await self._rest(head)

    async def _rest(self, head: Position) -> None:
        """Waits for the next beat, the same for all, unless it has not reached what it set out for, or all is over."""
        if self._live.model is not None and self._live.model.position >= head and not self._watermark.closed:
            self._together.pace.leave(self.name)  # while it rests nobody has to wait for it
            await anyio.sleep(BEAT_SECONDS - self._site.clock.monotonic() % BEAT_SECONDS)

    async def _step(self, head: Position) -> None:
        """Applies one portion and tells how it went."""
        began = self._site.clock.monotonic()
        try:
            async with self._turn:
                await self._thread(lambda: self._live.apply(head))
        except TryAgain as error:
            await self._wait(error)
        except ReadModelDamaged as error:
            await self._heal(error)
        except ReadModelBroken as error:
            await self._break(error)
        else:
            self._blocked_since = None
            self._tell("live", batch_seconds=self._site.clock.monotonic() - began)

    async def _wait(self, error: TryAgain) -> None:
        """A lock that is never released, or a disk that stays full, is the supervisor's to judge after BUSY_SECONDS."""
        now = self._site.clock.monotonic()
        if self._blocked_since is None:
            self._blocked_since = now
            logger.warning("%s waits: %s", self.name, error)
        if isinstance(error, ReadModelLocked) and now - self._blocked_since > BUSY_SECONDS:
            raise error
        self._tell("waiting", str(error))
        # SQLite has waited for a lock already
        await anyio.sleep(0 if isinstance(error, ReadModelLocked) else DISK_FULL_RETRY_SECONDS)

    async def _heal(self, error: ReadModelDamaged) -> None:
        log = logger.warning if self._live.generations.numbers() else logger.info  # the first one is no trouble
        log("%s builds %s from the log: %s", self.name, self._projection.name, error.reason)
        await self._build(error.reason)

    async def _build(self, reason: str) -> None:
        """Replaces what cannot go on, or would be slower to go on with."""
        await self._drop()
        self._tell("building", reason)
        if self._building.locked():
            return  # a rebuild is under way already; it replaces the model
        while True:
            try:
                await self._replace(reason)
                return
            except RebuildStopped:
                raise
            except TryAgain as full:
                await self._wait(full)
            except ReadModelBroken as failure:
                await self._break(failure)
                return

    async def _break(self, error: ReadModelBroken) -> None:
        logger.error("%s stops: %s", self.name, error)
        await self._drop()
        self._tell("broken", str(error))

    async def _drop(self) -> None:
        async with self._turn:
            await self._thread(self._live.close)

    # --- building ---

    async def _replace(self, reason: str) -> Rebuilt:
        started = self._site.clock.monotonic()
        async with self._building:
            self._tell("building" if self._live.model is None else "live", reason)
            build = await self._together.yard.build(
                Order(self._projection, self._is_running, partial(self._built, reason))
            )
            try:
                await self._catch_up(build)
                async with self._turn:
                    await self._thread(lambda: self._live.switch(build))
            finally:
                with anyio.CancelScope(shield=True):
                    await self._thread(build.abandon)  # leaves it alone once it answers
        self._tell("live")
        seconds = self._site.clock.monotonic() - started
        at = self.standing
        return Rebuilt(at.name, at.position, seconds, at.generation, at.dead_letters)

    def _built(self, reason: str, position: Position, until: Position) -> None:
        if self._live.model is None:
            self._tell("building", f"{reason}; {position} of {until} events")

    async def _catch_up(self, build: Build) -> None:
        """Before the switch where another one answers and goes on; else it may answer now."""
        model = await self._thread(build.open_live)
        await self._ascertain(model)
        if self._live.model is not None:
            await self._thread(lambda: build.catch_up(self._watermark.position, leave=APPLY_EVENTS))
        if not self._running:
            raise RebuildStopped(name=self._projection.name)

    async def _ascertain(self, model: ReadModel) -> None:
        """It was built from what stood in the files, and only what is durable stays there. Raises `TryAgain`."""
        try:
            await self._watermark.beyond(model.position - 1)
        except anyio.EndOfStream:
            raise RebuildStopped(name=self._projection.name) from None
        reason = await self._thread(lambda: foreign(model.position, model.store.mark.digest, self._site.feed))
        if reason:
            raise TryAgain(reason=reason)

    def _is_running(self) -> bool:
        return self._running

    # --- small things ---

    async def _thread(self, work: Callable[[], T]) -> T:
        def translated() -> T:
            with refusing(self._projection.name, self._live.generations.folder):
                return work()

        return await anyio.to_thread.run_sync(translated, limiter=self._threads)

    def _tell(self, state: State, reason: str = "", *, batch_seconds: float = 0.0) -> None:
        model = self._live.model
        self.standing = Standing(
            name=self._projection.name,
            state=state,
            position=model.position if model is not None else self.standing.position,
            generation=self._live.number,
            dead_letters=model.store.dead_letters if model is not None else self.standing.dead_letters,
            reason=reason,
            recorded=model.store.mark.applied_at if model is not None else self.standing.recorded,
            batch_seconds=batch_seconds,
        )
        self._report(self.standing)
