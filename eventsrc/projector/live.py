"""The generation of a read model that answers, opened for applying; blocking, and decided upon by the projector."""

from __future__ import annotations

from eventsrc.event import Position
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.build import Build
from eventsrc.projector.examine import close_clean, open_model
from eventsrc.projector.generations import Generations
from eventsrc.projector.publish import publish
from eventsrc.projector.site import Site


class Live:
    """One caller at a time. The caller holds the read model's lock."""

    def __init__(self, projection: type[Projection], site: Site) -> None:
        self.generations = Generations(site.read_dir, projection.name)
        self.model: ReadModel | None = None
        """None: nothing can be applied (it is being built, or broken)."""
        self.number = 0
        """The generation that answers; 0 when none does."""
        self._projection = projection
        self._site = site

    def open(self) -> None:
        """Opens the generation that answers. Raises `ReadModelDamaged` when it has to be built, `ReadModelBroken`."""
        self.number = self.generations.current_or_none() or 0
        model = open_model(self._projection, self.generations, self._site)
        publish(self._projection, self.generations, self.number)
        self.model = model

    def apply(self, head: Position) -> None:
        """One portion, not beyond `head`."""
        if self.model is not None:
            self.model.advance(head, most=1)

    def switch(self, build: Build) -> None:
        """Lets a build answer. An answer never goes back: it first reaches the position of the one before."""
        build.catch_up(self.model.position if self.model is not None else 0)
        build.switch()
        self.number = build.number
        old, self.model = self.model, build.model
        if old is not None:
            old.close()
            close_clean(old.store, self._site.disk)

    def close(self) -> None:
        """Closes what is open; it goes on answering."""
        model, self.model = self.model, None
        if model is not None:
            model.close()
            close_clean(model.store, self._site.disk)
