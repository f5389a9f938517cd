"""The gauges that are only worth knowing when somebody looks: set at the start of each scrape, on the event loop, from
memory and from a few looks at files."""

from __future__ import annotations

import shutil
from pathlib import Path

from eventsrc.actor import Heartbeat
from eventsrc.clock import parse_time
from eventsrc.errors import EventsrcError
from eventsrc.event import Position
from eventsrc.log import LogReader
from eventsrc.log.verified import last as last_verified
from eventsrc.metrics import Metrics
from eventsrc.service.models import Models
from eventsrc.service.pipeline import Pipeline
from eventsrc.service.port import Sources


class Gauges:
    """Give its `refresh` to `Metrics.before_scrape`."""

    def __init__(
        self, data: Path, metrics: Metrics, pipeline: Pipeline, models: Models, sources: Sources, heartbeat: Heartbeat
    ) -> None:
        self._data = data
        self._metrics = metrics
        self._pipeline = pipeline
        self._models = models
        self._places = sources
        self._heartbeat = heartbeat
        self._reader = LogReader(data)

    def refresh(self) -> None:
        """Everything."""
        self._log()
        self._sources()
        self._models.measure(self._recorded)
        for actor in self._heartbeat.check().actors:
            self._metrics.actors.last_progress.labels(actor.name).set(actor.last_progress)

    def _log(self) -> None:
        numbers, head = self._metrics.log, self._pipeline.watermark.position
        numbers.head.set(head)
        numbers.activity.set(self._pipeline.idle.activity(head))
        segments = list((self._data / "log").glob("*.jsonl"))
        sizes = [path.stat().st_size for path in segments if path.name[0].isdigit()]
        numbers.bytes.set(sum(sizes))
        numbers.segments.set(len(sizes))
        numbers.disk_free.set(shutil.disk_usage(self._data).free)
        verified = last_verified(self._data)
        if verified is not None:
            numbers.verified.set(verified.time)
            numbers.problems.set(verified.problems)

    def _sources(self) -> None:
        places = self._places()
        numbers = self._metrics.source
        numbers.files.set(sum(place.kind == "file" for place in places))
        numbers.behind.set(sum(place.behind_bytes for place in places if place.kind == "file"))
        numbers.troubled.set(sum(bool(place.problem) for place in places))

    def _recorded(self, position: Position) -> float | None:
        """When the event behind a position was accepted; None when that cannot be read, which others tell."""
        try:
            found = self._reader.read(position, max_events=1)
        except (EventsrcError, OSError):
            return None
        return parse_time(found[0].recordedtime) if found else None
