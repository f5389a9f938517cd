"""A generation under construction, beside the one that answers.

    begin → take … take → settle → complete (closed) → sync (durable) → open_live → (catch up) → switch

Until `switch` nothing points to it, so an interruption at any step leaves the live read model untouched, and the
leftover is swept away at the next start. The caller holds the lock.
"""

from __future__ import annotations

from eventsrc.event import Position
from eventsrc.limits import REBUILD_EVENTS
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.generations import Generations
from eventsrc.projector.portion import Portion
from eventsrc.projector.publish import publish
from eventsrc.projector.site import Site
from eventsrc.projector.store import Store


class Build:
    """One new generation of one read model."""

    def __init__(self, projection: type[Projection], site: Site, made: int | None = None) -> None:
        """`made`: a generation that is durable already, and is opened the way it will live; else a new one begins.

        Raises `ReadModelDamaged` when that does not fit the code."""
        self.projection = projection
        self._site = site
        self._generations = Generations(site.read_dir, projection.name)
        if made is None:
            site.disk.mkdir(str(self._generations.folder))
            self._generations.sweep()
        self.number = self._generations.next() if made is None else made
        self._path = self._generations.path(self.number)
        self._is_live = made is not None
        self.model = self._on(Store.open(self._path, projection) if made else Store.create(self._path, projection))

    def take(self, portion: Portion) -> None:
        """Folds a portion; commits every REBUILD_EVENTS."""
        self.model.fold(portion)
        if self.model.waiting >= REBUILD_EVENTS:
            self.model.commit()

    def settle(self) -> None:
        """Commits the rest: nothing is folded any more."""
        self.model.commit()
        self.model.close()

    def complete(self) -> None:
        """Makes the file whole: indexes, integrity check, WAL, closed. May run beside other builds."""
        self.model.store.complete()

    def sync(self) -> None:
        """Makes the file durable."""
        self.model.store.sync(self._site.disk)

    def open_live(self) -> ReadModel:
        """Opens the finished generation the way it will live."""
        if not self._is_live:
            self._is_live = True
            self.model = self._on(Store.open(self._path, self.projection))
        return self.model

    def catch_up(self, until: Position, *, leave: int = 0) -> None:
        """Applies what the log got meanwhile, down to the last `leave` events."""
        while until - self.model.position > leave:
            self.model.advance(until)

    def switch(self) -> None:
        """Lets it answer from now on; the generation before is kept for going back."""
        self._generations.switch(self.number, self._site.disk)
        publish(self.projection, self._generations, self.number)
        self._generations.sweep()

    def abandon(self) -> None:
        """Removes it, at whatever step it is; leaves it alone once it answers."""
        if self._generations.current_or_none() != self.number:
            self.model.close()
            self.model.store.connection.close()
            self._generations.remove(self.number)

    def _on(self, store: Store) -> ReadModel:
        return ReadModel(store, self._site.feed, str(self._generations.files(self.number)))
