"""What the service does beside following agents' files: empties the spool of their hooks."""

from __future__ import annotations

from pathlib import Path

from eventsrc.actor import Charge, Policy, Stage
from eventsrc.clock import Clock
from eventsrc.service.pipeline import Pipeline
from eventsrc.source.spool import Spool


def hook_spool(data: Path) -> Path:
    """Where Claude Code's hooks are put while nobody needs to run; see `eventsrc hooks`."""
    return data / "spool" / "claude-code"


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
        await self._spool.run(self._pipeline.deliver)
