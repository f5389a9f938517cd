"""Building read models beside each other: those that are wanted at the same time are made from one pass over the log.

After an update all read models may be outdated at once, and decoding the log costs more than folding it. One pass is
made at a time; who comes while it is under way waits for the next one.

*What survives a crash here*: nothing. What is being built is not pointed to yet, and is swept away at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import anyio
import anyio.to_thread

from eventsrc.errors import EventsrcError, RebuildStopped
from eventsrc.event import Position
from eventsrc.limits import FAR_EVENTS, GATHER_SECONDS
from eventsrc.plugin import Projection
from eventsrc.projector.build import Build
from eventsrc.projector.elsewhere import Elsewhere, Make
from eventsrc.projector.rebuild import Construction
from eventsrc.projector.site import Site

logger = logging.getLogger(__name__)
T = TypeVar("T")
Begin: TypeAlias = Callable[[Sequence[type[Projection]], Site], Construction | Elsewhere]


class Order:
    """One read model that somebody wants to have built."""

    def __init__(
        self,
        projection: type[Projection],
        is_wanted: Callable[[], bool] = lambda: True,
        told: Callable[[Position, Position], None] = lambda _position, _until: None,
    ) -> None:
        """`is_wanted` is asked, and `told(position, until)` called, between two portions."""
        self.projection = projection
        self.is_wanted = is_wanted
        self.told = told
        self.outcome: Build | EventsrcError | None = None

    @property
    def name(self) -> str:
        return self.projection.name


class Yard:
    """Shared by the projectors of one event loop."""

    def __init__(self, site: Site, make: Make | None = None) -> None:
        """`make`: how a process of its own builds what is large; without it everything is built here."""
        self._site = site
        self._make = make
        self._orders: list[Order] = []
        """Those that no pass has taken."""
        self._pass_lock = anyio.Lock()
        self._thread = anyio.CapacityLimiter(1)

    async def build(self, order: Order) -> Build:
        """A finished generation, durable, that nothing points to; whoever gets it switches to it or abandons it.

        Raises `ReadModelBroken` when it cannot be built, `RebuildStopped` when it is wanted no more, and `TryAgain`."""
        self._orders.append(order)
        try:
            await anyio.sleep(GATHER_SECONDS)
            while order.outcome is None:
                async with self._pass_lock:
                    if order.outcome is None:  # nobody took it along
                        await self._pass()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._forget(order)
            raise
        if isinstance(order.outcome, EventsrcError):
            raise order.outcome
        return order.outcome

    async def _pass(self) -> None:
        """One pass for everything that is ordered by now. Whoever makes it may be stopped: the others then make it."""
        orders, self._orders = self._orders, []
        try:
            await self._construct(orders)
        except EventsrcError as error:
            for order in orders:
                order.outcome = order.outcome or error
        finally:
            self._orders += [order for order in orders if order.outcome is None]

    async def _construct(self, orders: Sequence[Order]) -> None:
        if self._make is not None and await self._run(self._site.feed.head) >= FAR_EVENTS:
            await self._carry_out(partial(Elsewhere, self._make), orders)
            if all(order.outcome for order in orders):
                return
            logger.warning("the process that builds read models ended before it was done; they are built here")
        await self._carry_out(Construction, orders)

    async def _carry_out(self, begin: Begin, orders: Sequence[Order]) -> None:
        """Leaves no order without an outcome but when its process is lost."""
        waiting = [order for order in orders if order.outcome is None]
        construction = await self._run(lambda: begin([order.projection for order in waiting], self._site))
        try:
            while await self._run(construction.step):
                for order in waiting:
                    if order.outcome is None and not order.is_wanted():
                        order.outcome = RebuildStopped(name=order.name)
                        await self._run(partial(construction.drop, order.name))
                    order.told(construction.position, construction.until)
            await self._run(construction.finish)
            for order in waiting:
                if order.outcome is None and not construction.is_lost:
                    order.outcome = construction.failures.get(order.name) or construction.builds.pop(order.name)
        finally:
            with anyio.CancelScope(shield=True):
                await self._run(construction.abandon)

    async def _forget(self, order: Order) -> None:
        """Whoever ordered it is gone."""
        order.is_wanted = lambda: False
        if order in self._orders:
            self._orders.remove(order)
        if isinstance(order.outcome, Build):
            await self._run(order.outcome.abandon)

    async def _run(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._thread)
