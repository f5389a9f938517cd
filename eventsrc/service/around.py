"""What the service does beside following agents' files: empties the spool of their hooks, beats, takes figures,
has ended experiments loaded."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from eventsrc.actor import Charge, Policy, Stage
from eventsrc.clock import Clock
from eventsrc.config import Settings
from eventsrc.metrics import Metrics
from eventsrc.query import ReadModels
from eventsrc.service.analytics import loader_charge
from eventsrc.service.figures import figures_charge
from eventsrc.service.heartbeat import Pacemaker, heartbeat_charge
from eventsrc.service.hooks_told import hook_spool
from eventsrc.service.pipeline import Pipeline
from eventsrc.source.spool import Spool


def around(
    data: Path, settings: Settings, pipeline: Pipeline, models: ReadModels, metrics: Metrics, clock: Clock
) -> list[Charge]:
    """The actors, for the supervisor. All are ended by cancellation and lose nothing by it."""
    run_id, every = uuid4().hex, settings.heartbeat.every_seconds
    metrics.actors.beat.set(every)
    return [
        spool_charge(data, pipeline, clock),
        heartbeat_charge(lambda: Pacemaker(pipeline.deliver, clock, pipeline.idle, every, run_id)),
        figures_charge(models, metrics.figures, clock),
        *loader_charge(data, settings.analytics, models, pipeline, clock),
    ]


def spool_charge(data: Path, pipeline: Pipeline, clock: Clock) -> Charge:
    """The actor that empties the spool. Ended by cancellation: what it had in hand is still in the folder."""
    return Charge(
        name=_Spooled.name,
        make=lambda: _Spooled(Spool(hook_spool(data), clock.now), pipeline),
        policy=Policy.RESTART,
        stage=Stage.SOURCE,
    )


class _Spooled:
    """The spool as an actor: `run` without arguments."""

    name = "spool"

    def __init__(self, spool: Spool, pipeline: Pipeline) -> None:
        self._spool = spool
        self._pipeline = pipeline

    async def run(self) -> None:
        await self._spool.run(self._pipeline.gather)
