"""What the projectors of one event loop share: they go in step, and are built from one pass over the log."""

from __future__ import annotations

from eventsrc.projector.elsewhere import Make
from eventsrc.projector.pace import Pace
from eventsrc.projector.site import Site
from eventsrc.projector.yard import Yard


class Together:
    """Made once for all projectors on one site; one that is alone may have its own."""

    def __init__(self, pace: Pace, yard: Yard) -> None:
        self.pace = pace
        self.yard = yard

    @classmethod
    def on(cls, site: Site, make: Make | None = None) -> Together:
        """`make`: as `Yard`'s."""
        return cls(Pace(), Yard(site, make))
