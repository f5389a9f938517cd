"""The files that are followed, in the service: an actor, and what it tells for metrics."""

from __future__ import annotations

from functools import partial

from eventsrc.metrics import Metrics
from eventsrc.metrics.groups import CHANGES
from eventsrc.service.pipeline import Pipeline
from eventsrc.source import Follow


class Following:
    """A source as an actor: `run` without arguments. May be run again after it ended."""

    name = "source"

    def __init__(self, source: Follow, pipeline: Pipeline) -> None:
        self._source = source
        self._pipeline = pipeline

    async def run(self) -> None:
        """Until it is cancelled: what was not durable then is read again."""
        await self._source.run(self._pipeline.gather)


def measure(source: Follow, metrics: Metrics) -> None:
    """Lets the counters follow what a source counts for itself; once per source."""
    numbers = metrics.source
    for change in CHANGES:
        metrics.follow(numbers.changes.labels(change), partial(_changed, source, change))
    metrics.follow(numbers.quarantined.labels("too_large"), lambda: source.report.oversize)


def _changed(source: Follow, change: str) -> int:
    return source.changes.get(change, 0)
