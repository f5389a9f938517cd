"""The running service's checkpoints."""

from __future__ import annotations

from typing import Any

from eventsrc.actor import Charge, Mailbox, Policy, Stage, Ticket
from eventsrc.checkpoint import Meta
from eventsrc.checkpoint import Policy as Keeping
from eventsrc.checkpoint.checkpointer import Checkpointer, Request, Rhythm
from eventsrc.checkpoint.place import Place
from eventsrc.clock import parse_time
from eventsrc.config import CheckpointSettings
from eventsrc.metrics import CheckpointMetrics
from eventsrc.service.pipeline import Pipeline


class Keeper:
    """The running service's checkpoints: an actor, and a way to ask it."""

    def __init__(
        self, place: Place, settings: CheckpointSettings, pipeline: Pipeline, numbers: CheckpointMetrics
    ) -> None:
        self._place = place
        self._requests: Mailbox[Request] = Mailbox(Checkpointer.name)
        self._pipeline = pipeline
        self._numbers = numbers
        self._rhythm = Rhythm(settings.every_seconds, settings.at_shutdown, Keeping(last=settings.keep))
        self._latest = next(iter(place.shelf.all()), None)
        if self._latest is not None:
            self._count(self._latest)

    def charge(self) -> Charge:
        """The actor, for the supervisor."""
        return Charge(
            name=Checkpointer.name,
            make=lambda: Checkpointer(self._place, self._requests, self._head, self._rhythm, self._made),
            policy=Policy.RESTART,
            stage=Stage.CHECKPOINT,
            close=self._requests.close,
            mailbox=self._requests,
        )

    async def make(self, label: str | None) -> dict[str, Any]:
        """Makes one now; returns what `checkpoint create --json` prints."""
        ticket: Ticket[Meta] = Ticket()
        await self._requests.send(Request(label, ticket))
        return self._described(await ticket.wait())

    def latest(self) -> dict[str, Any] | None:
        """The newest one, as `status --json` shows it."""
        return self._described(self._latest) if self._latest else None

    def _described(self, meta: Meta) -> dict[str, Any]:
        return meta.describe(self._place.shelf.path(meta.id))

    def _head(self) -> int:
        """Beats of the service are nothing that a checkpoint would be worth."""
        return self._pipeline.idle.activity(self._pipeline.watermark.position)

    def _made(self, meta: Meta) -> None:
        self._latest = meta
        self._count(meta)

    def _count(self, meta: Meta) -> None:
        self._numbers.last.set(parse_time(meta.created) or 0.0)
        self._numbers.position.set(meta.position)
        self._numbers.bytes.set(meta.bytes)
