"""Reports that are made without anybody asking, and the numbers that raise an alarm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from eventsrc.config import ReportSettings
from eventsrc.durable import SystemDisk
from eventsrc.metrics import Metrics
from eventsrc.service.reporter import HOUR, Reporter, newest, prune
from eventsrc.testing.clock import ManualClock
from tests.conversation_kit import asked, mix

RECORDED = 1_768_039_200.0  # when the records of the kit arrived
DEADLINE = 20.0


@asynccontextmanager
async def running(folder: Path, settings: ReportSettings, clock: ManualClock, metrics: Metrics) -> AsyncIterator[None]:
    models = asked(folder, mix(30))
    place = (SystemDisk(), clock)
    reporter = Reporter(models, folder / "reports", settings, metrics.report, place, clock.sleep)
    async with anyio.create_task_group() as group:
        group.start_soon(reporter.run)
        with anyio.fail_after(DEADLINE):
            await clock.asleep()
        yield
        group.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what a thread does."""
    with anyio.fail_after(DEADLINE):
        while not condition():  # noqa: ASYNC110 - a thread writes files; no event tells
            await anyio.sleep(0.01)


async def reports(folder: Path, count: int, clock: ManualClock) -> list[str]:
    """The names of the files, as soon as there are so many and the reporter sleeps again."""

    def found() -> list[str]:
        return sorted(path.name for path in (folder / "reports").glob("analytics_report_*"))

    await until(lambda: len(found()) >= count and clock.sleeping > 0)
    return found()


async def test_a_report_is_made_when_its_time_has_come_in_all_forms(tmp_path: Path) -> None:
    clock, metrics = ManualClock(RECORDED), Metrics()
    settings = ReportSettings(every_hours=2, min_score=99.9, min_messages_per_hour=1)
    async with running(tmp_path, settings, clock, metrics):
        await clock.advance(HOUR)
        assert not (tmp_path / "reports").exists()
        await clock.advance(HOUR)
        found = await reports(tmp_path, 3, clock)
    assert found == [f"analytics_report_20260110_120000.{form}" for form in ("html", "json", "md")]
    shown = metrics.render().decode()
    assert 'eventsrc_report_below_threshold{what="score"} 1.0' in shown
    assert 'eventsrc_report_below_threshold{what="message_rate"} 0.0' in shown
    assert "eventsrc_report_last_timestamp_seconds 1.7680464e+09" in shown


async def test_silence_raises_the_alarm_and_a_restart_keeps_the_rhythm(tmp_path: Path) -> None:
    clock, metrics = ManualClock(RECORDED + 100 * HOUR), Metrics()
    settings = ReportSettings(every_hours=1, min_messages_per_hour=0.5)
    async with running(tmp_path, settings, clock, metrics):
        await clock.advance(HOUR)
        await reports(tmp_path, 3, clock)
    assert 'eventsrc_report_below_threshold{what="message_rate"} 1.0' in metrics.render().decode()
    await clock.advance(HOUR / 2)
    async with running(tmp_path, settings, clock, metrics):  # a new one: half of the pause is over
        await clock.advance(HOUR / 2)
        await reports(tmp_path, 6, clock)


async def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    clock, metrics = ManualClock(RECORDED), Metrics()
    async with running(tmp_path, ReportSettings(every_hours=1), clock, metrics):
        await clock.advance(HOUR)
        await until(lambda: "no report was made" in caplog.text)
    assert "eventsrc_report_last_timestamp_seconds 0.0" in metrics.render().decode()


def test_the_oldest_reports_go_and_other_files_stay(tmp_path: Path) -> None:
    for name in ("analytics_report_20260101_000000", "analytics_report_20260102_000000", "mine", "analytics_report_x"):
        for form in ("md", "json"):
            (tmp_path / f"{name}.{form}").write_text("")
    assert newest(tmp_path) == 1_767_312_000.0
    prune(tmp_path, 1, SystemDisk())
    assert sorted(path.stem for path in tmp_path.glob("*.md")) == [
        "analytics_report_20260102_000000",
        "analytics_report_x",
        "mine",
    ]
    assert newest(tmp_path / "nowhere") is None
