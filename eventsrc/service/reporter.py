"""The actor that makes a report from time to time and tells when what it says is below what was asked for.

A report is a convenience: one that fails is logged, and the next one is made when its time comes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from eventsrc.actor import Charge, Policy, Stage
from eventsrc.clock import Clock
from eventsrc.config import ReportSettings
from eventsrc.durable import Disk
from eventsrc.errors import EventsrcError
from eventsrc.limits import REPORT_LOOK_SECONDS
from eventsrc.metrics import ReportMetrics
from eventsrc.query import ReadModels
from eventsrc.report import Report, Span
from eventsrc.service.reports import FORMS, made, written

logger = logging.getLogger(__name__)
HOUR = 3600.0
_NAME = re.compile(r"analytics_report_(\d{8}_\d{6})\.(?:md|json|html)", re.ASCII)


class Reporter:
    """Makes one report at a time, on a thread. The newest file in the folder says when the last one was made, so a
    restart changes nothing about the rhythm."""

    name = "reporter"

    def __init__(
        self,
        models: ReadModels,
        folder: Path,
        settings: ReportSettings,
        numbers: ReportMetrics,
        place: tuple[Disk, Clock],
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`folder` is made when the first report is written. `place`: the disk and the clock to use."""
        self._models = models
        self._folder = folder
        self._settings = settings
        self._numbers = numbers
        self._disk, self._clock = place
        self._sleep = sleep
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        """Until it is cancelled, which loses nothing: a report appears under its name when it is whole."""
        found = await anyio.to_thread.run_sync(newest, self._folder, limiter=self._thread)
        last = self._clock.now() if found is None else found
        while True:
            await self._sleep(min(REPORT_LOOK_SECONDS, self._settings.every_hours * HOUR))
            now = self._clock.now()
            if last > now:  # the clock was set back
                last = now
            if now - last >= self._settings.every_hours * HOUR:
                await anyio.to_thread.run_sync(self._make, now, limiter=self._thread)
                last = now

    def _make(self, now: float) -> None:
        span = Span(now - self._settings.every_hours * HOUR, now)
        try:
            report = made(self._models, span, now)
            paths = written(report, self._folder, tuple(FORMS), self._disk)
            prune(self._folder, self._settings.keep, self._disk)
        except (EventsrcError, OSError) as error:
            logger.warning("no report was made: %s", error)
            return
        logger.info("a report about the last %g hours is in %s", self._settings.every_hours, paths[0].with_suffix(""))
        self._tell(report)

    def _tell(self, report: Report) -> None:
        score, rate = report.score("default"), report.totals.arrived / self._settings.every_hours
        self._numbers.score.set(score)
        self._numbers.message_rate.set(rate)
        self._numbers.last.set(report.made_at)
        thresholds = {
            "score": (score, self._settings.min_score),
            "message_rate": (rate, self._settings.min_messages_per_hour),
        }
        for what, (value, least) in thresholds.items():
            self._numbers.below_threshold.labels(what).set(value < least)
            if value < least:
                logger.warning("the last report is below its threshold: %s is %g, not %g", what, value, least)


def reporting(
    settings: ReportSettings, data: Path, models: ReadModels, numbers: ReportMetrics, place: tuple[Disk, Clock]
) -> list[Charge]:
    """The actor for the supervisor; nobody where no reports are wanted."""
    if not settings.every_hours:
        return []
    folder = Path(settings.out).expanduser() if settings.out else data / "reports"

    def make() -> Reporter:
        return Reporter(models, folder, settings, numbers, place)

    return [Charge(name=Reporter.name, make=make, policy=Policy.RESTART, stage=Stage.SOURCE)]


def newest(folder: Path) -> float | None:
    """When the last report in a folder was made, seconds since the epoch; None when there is none."""
    stamps = _stamps(folder)
    return datetime.strptime(stamps[-1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC).timestamp() if stamps else None


def prune(folder: Path, keep: int, disk: Disk) -> None:
    """Removes the oldest reports, all forms of each. Other files are never touched."""
    gone = set(_stamps(folder)[:-keep])
    for path in sorted(folder.iterdir()) if gone else ():
        found = _NAME.fullmatch(path.name)
        if found is not None and found[1] in gone:
            disk.unlink(str(path))


def _stamps(folder: Path) -> list[str]:
    """The times in the names of the reports, oldest first."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted({found[1] for name in names if (found := _NAME.fullmatch(name))})
