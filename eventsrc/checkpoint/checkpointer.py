"""The actor that makes checkpoints: when asked, from time to time, and at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
import anyio.to_thread
import msgspec

from eventsrc.actor import Mailbox, Ticket
from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.meta import Meta
from eventsrc.checkpoint.place import Place, translated
from eventsrc.checkpoint.policy import Policy
from eventsrc.errors import EventsrcError
from eventsrc.event import Position
from eventsrc.limits import CHECKPOINT_SECONDS

logger = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True):
    """Somebody wants a checkpoint now."""

    label: str | None
    ticket: Ticket[Meta]


class Rhythm(msgspec.Struct, frozen=True):
    """When checkpoints are made without anybody asking."""

    every: float = CHECKPOINT_SECONDS
    """Seconds between two looks whether something happened; 0: never."""
    at_end: bool = True
    """One more when the actor is asked to stop, if something happened since the last."""
    policy: Policy = Policy()
    """Which automatic ones stay."""


class Checkpointer:
    """Makes one at a time, on a thread of its own. A failed one is told to whoever asked; an automatic one that fails
    is logged and tried again at the next occasion, because a checkpoint is a convenience: the log is the truth."""

    name = "checkpointer"

    def __init__(
        self,
        place: Place,
        mailbox: Mailbox[Request],
        head: Callable[[], Position],
        rhythm: Rhythm | None = None,
        made: Callable[[Meta], None] = lambda _meta: None,
    ) -> None:
        """`head` tells the durable position; `made` hears of every checkpoint."""
        self._place = place
        self._mailbox = mailbox
        self._head = head
        self._rhythm = rhythm or Rhythm()
        self._made = made
        self._thread = anyio.CapacityLimiter(1)
        self._giving_up = False
        self._last = -1

    async def run(self) -> None:
        """Ends, after a last checkpoint, when every sender has closed. Cancelled, it gives up the one under way."""
        self._giving_up = False
        newest = await anyio.to_thread.run_sync(self._sweep, limiter=self._thread)
        self._last = newest.position if newest else 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._notice_cancellation)
            while not isinstance(request := await self._next(), _End):
                await (self._unasked() if request is None else self._answer(request))
            if self._rhythm.at_end:
                await self._unasked()
            tasks.cancel_scope.cancel()

    async def _next(self) -> Request | _End | None:
        """A request; None when it is time for an automatic one; the end."""
        try:
            with anyio.move_on_after(self._rhythm.every or None):
                return await self._mailbox.receive()
        except anyio.EndOfStream:
            return _End()
        return None

    async def _answer(self, request: Request) -> None:
        try:
            request.ticket.set(await self._make(request.label, automatic=False))
        except EventsrcError as error:
            request.ticket.fail(error)

    async def _unasked(self) -> None:
        """An automatic checkpoint, when something happened since the last one."""
        if self._head() <= self._last:
            return
        try:
            await self._make(None, automatic=True)
            await anyio.to_thread.run_sync(self._prune, limiter=self._thread)
        except EventsrcError as error:
            logger.warning("%s %s", error, error.advice())

    async def _make(self, label: str | None, *, automatic: bool) -> Meta:
        def work() -> Meta:
            return create(self._place, label, automatic=automatic, give_up=lambda: self._giving_up)

        meta = await anyio.to_thread.run_sync(work, limiter=self._thread)
        self._last = max(self._last, meta.position)
        self._made(meta)
        return meta

    def _prune(self) -> None:
        with translated(self._place.shelf.directory):
            self._place.shelf.prune(self._rhythm.policy, automatic_only=True)

    def _sweep(self) -> Meta | None:
        self._place.shelf.sweep()
        return next(iter(self._place.shelf.all()), None)

    async def _notice_cancellation(self) -> None:
        """A thread cannot be cancelled, only told: without this a large copy would outlast the deadline."""
        try:
            await anyio.sleep_forever()
        finally:
            self._giving_up = True


class _End:
    """The mailbox has ended."""
