"""Building read models from the whole log: any number at once, the log decoded once for all of them.

`Construction` is the work in steps, so that a running service can stop between two of them; `rebuild` does all of it
for a command, without a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import msgspec

from eventsrc.errors import ReadModelBroken
from eventsrc.event import Position
from eventsrc.limits import FAR_EVENTS
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.build import Build
from eventsrc.projector.examine import close_clean
from eventsrc.projector.generations import Generations
from eventsrc.projector.lock import Lock
from eventsrc.projector.portion import Portion
from eventsrc.projector.site import Site
from eventsrc.projector.store import refusing


class Rebuilt(msgspec.Struct, frozen=True):
    """What became of one rebuild."""

    name: str
    events: int
    """Events of the log that it read: its position."""
    seconds: float
    generation: int
    """The generation that answers now."""
    dead_letters: int
    """Above 0 it is incomplete; the table `dead_letters` says why."""
    error: str = ""
    """Why it was given up; the generation before answers as it did."""


class Construction:
    """New generations of several read models, made together from one pass over the log.

    One that fails is given up (`failures`) and the others go on. Whoever stops early calls `abandon`.
    """

    is_lost = False

    def __init__(self, projections: Sequence[type[Projection]], site: Site) -> None:
        self.until: Position = site.feed.head()
        self.position: Position = 0
        self.failures: dict[str, ReadModelBroken] = {}
        self.builds: dict[str, Build] = {}
        self._read_dir = site.read_dir
        self._feed = site.feed
        self._portions: Iterator[Portion] = site.feed.all(0, self.until)
        try:
            for projection in projections:
                self._survived(projection.name, partial(self._add, projection, site))
        except BaseException:
            self.abandon()
            raise

    def step(self) -> bool:
        """Folds the next portion into every build; False when the log is read."""
        portion = next(self._portions, None) if self.builds else None
        if portion is None and self.builds and self._goes_on():
            portion = next(self._portions, None)
        if portion is None:
            return False
        for name, build in list(self.builds.items()):
            self._survived(name, partial(build.take, portion))
        self.position = portion.last
        return True

    def _goes_on(self) -> bool:
        """Whether the log grew so much meanwhile that its end is to be built too, and not caught up with."""
        head = self._feed.head()
        if head - self.until < FAR_EVENTS:
            return False
        self._portions = self._feed.all(self.until, head)
        self.until = head
        return True

    def finish(self) -> None:
        """Makes every build whole, side by side (it is the work of SQLite, which needs no interpreter); then durable,
        one after the other."""
        for name, build in list(self.builds.items()):
            self._survived(name, build.settle)
        with ThreadPoolExecutor(max(1, len(self.builds)), "complete") as pool:
            done = [pool.submit(self._survived, name, build.complete) for name, build in list(self.builds.items())]
        for one in done:
            one.result()
        for name, build in list(self.builds.items()):
            self._survived(name, build.sync)

    def abandon(self) -> None:
        """Removes everything that was not switched to."""
        close = getattr(self._portions, "close", None)
        if close is not None:
            close()  # ends the worker processes
        while self.builds:
            self.builds.popitem()[1].abandon()

    def drop(self, name: str) -> None:
        """Gives one up that is not wanted any more."""
        if name in self.builds:
            self.builds.pop(name).abandon()

    def _add(self, projection: type[Projection], site: Site) -> None:
        self.builds[projection.name] = Build(projection, site)

    def fail(self, name: str, error: ReadModelBroken) -> None:
        """Gives one up and removes what there is of it, unless it answers already."""
        self.failures[name] = error
        self.drop(name)

    def _survived(self, name: str, work: Callable[[], None]) -> None:
        try:
            with refusing(name, self._read_dir / name):
                work()
        except ReadModelBroken as error:
            self.fail(name, error)


def rebuild(
    projections: Sequence[type[Projection]],
    site: Site,
    *,
    progress: Callable[[Position, Position], None] = lambda _position, _until: None,
) -> list[Rebuilt]:
    """Builds the read models anew and switches to them; results in the order given.

    Blocks; `progress(position, until)` is called after every portion and may raise to stop: then everything is as
    before. Raises `RebuildRunning` when one of them is being written by another process.
    """
    started = site.clock.monotonic()
    with ExitStack() as held:
        for projection in projections:
            folder = site.read_dir / projection.name
            with refusing(projection.name, folder):
                held.enter_context(Lock.take(folder, projection.name, site.disk))
        construction = Construction(projections, site)
        try:
            while construction.step():
                progress(construction.position, construction.until)
            construction.finish()
            return [_result(projection, construction, site, started) for projection in projections]
        finally:
            construction.abandon()


def _result(projection: type[Projection], construction: Construction, site: Site, started: float) -> Rebuilt:
    """Switches to one finished build, or says why it was given up."""
    name = projection.name
    build = construction.builds.get(name)
    if build is not None:
        try:
            with refusing(name, site.read_dir / name):
                model = _switched(build, site)
        except ReadModelBroken as error:
            construction.fail(name, error)
        else:
            del construction.builds[name]  # it answers now: nobody may abandon it
            model.close()
            close_clean(model.store, site.disk)
            seconds = site.clock.monotonic() - started
            return Rebuilt(name, model.position, seconds, build.number, model.store.dead_letters)
    answering = Generations(site.read_dir, name).current_or_none() or 0
    seconds = site.clock.monotonic() - started
    return Rebuilt(name, construction.position, seconds, answering, 0, str(construction.failures[name]))


def _switched(build: Build, site: Site) -> ReadModel:
    """Catches a finished build up with the log and lets it answer."""
    model = build.open_live()
    build.catch_up(site.feed.head())
    build.switch()
    return model
