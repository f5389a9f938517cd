"""The actor that asks the read models for figures, for whoever reads the metrics. It knows none of them: a projection
that offers a question named `metrics` (columns `metric, label, key, value`) has its answer shown as gauges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread

from eventsrc.actor import Charge, Policy, Stage
from eventsrc.clock import Clock
from eventsrc.limits import FIGURES_SECONDS
from eventsrc.metrics.figures import Figure, FigureCollector
from eventsrc.query import Answer, ReadModels
from eventsrc.service.asking import answers_to

METRICS = "metrics"
FIRST_SECONDS = 0.25
"""The first pause while no read model answers yet; it doubles."""


class Surveyor:
    """Asks every so many seconds, if somebody has looked at the last answer; holds nothing, so it is cancelled."""

    name = "figures"

    def __init__(
        self,
        models: ReadModels,
        collector: FigureCollector,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._models = models
        self._collector = collector
        self._clock = clock
        self._sleep = sleep
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        pause = FIRST_SECONDS
        while True:
            if self._collector.wanted:
                found = await anyio.to_thread.run_sync(self._ask, limiter=self._thread)
                for model, figures in found.items():
                    self._collector.tell(model, figures)
                self._collector.wanted = not found  # nothing is built yet: try again, asked or not
                pause = FIGURES_SECONDS if found else min(2 * pause, FIGURES_SECONDS)
            await self._sleep(pause)

    def _ask(self) -> dict[str, list[Figure]]:
        answers = answers_to(self._models, METRICS, self._clock.now())
        return {model: _figures(answer) for model, answer in answers.items()}


def _figures(answer: Answer) -> list[Figure]:
    return [
        Figure(
            str(row["metric"]),
            None if row.get("label") is None else str(row["label"]),
            str(row.get("key") or ""),
            float(str(row["value"])),
        )
        for row in answer.objects()
        if row.get("value") is not None
    ]


def figures_charge(models: ReadModels, collector: FigureCollector, clock: Clock) -> Charge:
    """The actor, for the supervisor."""
    return Charge(
        name=Surveyor.name,
        make=lambda: Surveyor(models, collector, clock),
        policy=Policy.RESTART,
        stage=Stage.SOURCE,
    )
