"""A construction in a process of its own: its memory, and its hold on the interpreter, are not the service's.

It does what `Construction` does and can stand in its place. The process gives way to what is recorded meanwhile (it is
nice), and ends at once when this one ends, however that happens: it watches the pipe between them.

*What survives a crash here*: what answers. A half-made generation is swept away by the next build.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeAlias

import msgspec

from eventsrc.errors import ReadModelBroken
from eventsrc.event import Position
from eventsrc.limits import BUILD_NICENESS, CHILD_END_SECONDS, CHILD_NEWS_SECONDS
from eventsrc.plugin import Projection
from eventsrc.projector.build import Build
from eventsrc.projector.generations import Generations
from eventsrc.projector.rebuild import Construction
from eventsrc.projector.site import Site

Make: TypeAlias = Callable[[Sequence[str]], Construction]
"""Begins to build the projections of these names. Called in the process, so it can be pickled."""


class _Reached(msgspec.Struct, frozen=True):
    position: Position
    until: Position


class _Done(msgspec.Struct, frozen=True):
    generations: dict[str, int]
    failures: dict[str, str]


class Elsewhere:
    """As `Construction`; whoever stops early calls `abandon`. The caller holds the locks."""

    def __init__(self, make: Make, projections: Sequence[type[Projection]], site: Site) -> None:
        self.position: Position = 0
        self.until: Position = site.feed.head()
        self.failures: dict[str, ReadModelBroken] = {}
        self.builds: dict[str, Build] = {}
        """Those that are finished; empty until then."""
        self.is_lost = False
        """The process ended before it was done: nobody knows why, and nothing was built."""
        self._is_done = False
        self._projections = {projection.name: projection for projection in projections}
        self._site = site
        context = multiprocessing.get_context("spawn")  # the service has threads, locks and connections
        self._pipe, theirs = context.Pipe()
        self._names = tuple(self._projections)
        self._process = context.Process(target=_serve, args=(make, self._names, theirs), name="eventsrc-build")
        self._process.start()
        theirs.close()

    def step(self) -> bool:
        """Waits a while for news; False when there will be no more."""
        if self._is_done or not self._projections:
            return False
        try:
            if self._pipe.poll(CHILD_NEWS_SECONDS):
                self._hear(self._pipe.recv())
        except (EOFError, OSError):
            self.is_lost = True
        return not self.is_lost and not self._is_done

    def finish(self) -> None:
        """Nothing is left to do: the process did it before it told that it is done."""

    def drop(self, name: str) -> None:
        """Gives one up. The process goes on for the others, and what it makes of this one is removed."""
        if self._projections.pop(name, None) is not None and name in self.builds:
            self.builds.pop(name).abandon()

    def abandon(self) -> None:
        """Ends the process and removes everything that nobody took."""
        self._pipe.close()
        self._process.join(CHILD_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        while self.builds:
            self.builds.popitem()[1].abandon()
        if not self._is_done:
            for name in self._names:
                Generations(self._site.read_dir, name).sweep()

    def _hear(self, told: _Reached | _Done) -> None:
        if isinstance(told, _Reached):
            self.position, self.until = told.position, told.until
            return
        self._is_done = True
        for name, number in told.generations.items():
            if name not in self._projections:
                Generations(self._site.read_dir, name).remove(number)
                continue
            try:
                self.builds[name] = Build(self._projections[name], self._site, number)
            except ReadModelBroken as error:
                self.failures[name] = error
        for name, reason in told.failures.items():
            self.failures[name] = ReadModelBroken(name=name, reason=reason)


def _serve(make: Make, names: Sequence[str], pipe: Connection) -> None:
    """The life of the process. Whatever goes wrong here is found again, and said, by whoever builds there instead."""
    for one in (signal.SIGINT, signal.SIGTERM):  # what ends all processes of a service ends the parent, and it decides
        signal.signal(one, signal.SIG_IGN)
    os.nice(BUILD_NICENESS)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    construction = make(names)
    while construction.step():
        pipe.send(_Reached(construction.position, construction.until))
    construction.finish()
    failures = {name: str(error.reason) for name, error in construction.failures.items()}
    pipe.send(_Done({name: build.number for name, build in construction.builds.items()}, failures))


def _end_with(pipe: Connection) -> None:
    """The parent never says anything; its silence ends with it. Then nothing may be written any more, not by SQLite in
    another thread either."""
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
