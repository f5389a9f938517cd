"""What a service tells of itself when somebody looks: every number is set by what happened, none is only declared."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import httpx
import pytest
from prometheus_client import generate_latest

from eventsrc.clock import SystemClock
from eventsrc.config import CheckpointSettings, HttpSettings, ProjectionSettings, Settings, SourceSettings
from eventsrc.durable import SystemDisk
from eventsrc.limits import RECORD_BYTES
from eventsrc.log import verify
from eventsrc.log.verified import note
from eventsrc.metrics import Metrics
from eventsrc.service.serve import Service
from tests.end_to_end.load_kit import push
from tests.unit.test_metrics import value

QUIET = Settings(
    http=HttpSettings(listen=""),
    projections=ProjectionSettings(only=("agents",)),
    source=SourceSettings(look_seconds=0.2),
    checkpoint=CheckpointSettings(every_seconds=0, at_shutdown=False),
)


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not true():  # noqa: ASYNC110 - what is waited for happens in metrics
            await anyio.sleep(0.02)


async def running(data: Path, paths: list[str], look: Callable[[Service], Awaitable[None]]) -> None:
    """Calls `look` with a service that runs, then ends it."""
    ready = anyio.Event()
    service = Service(QUIET, data, paths, ready=ready.set)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.run)
        await ready.wait()
        await look(service)
        service.stop()


async def pushed(data: Path, event_id: str) -> None:
    assert await anyio.to_thread.run_sync(push, data / "eventsrc.sock", [event_id])


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"number":%d}\n' % number for number in numbers)


async def test_what_happens_to_a_followed_file_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(1, 2, 3))

    async def look(service: Service) -> None:
        def number(name: str, **labels: str) -> float:
            return value(service.metrics, name, **labels)

        await service.reached(3)
        assert number("eventsrc_stage_in_total", stage="source") == 3
        assert number("eventsrc_stage_last_timestamp_seconds", stage="source") > 1e9
        file.write_bytes(lines(4))  # shorter, and other content
        await until(lambda: number("eventsrc_source_changes_total", change="truncated") == 1)
        file.rename(tmp_path / "a.jsonl.1")
        file.write_bytes(lines(5))
        await until(lambda: number("eventsrc_source_changes_total", change="rotated") == 1)
        with file.open("ab") as more:
            more.write(b'{"long":"' + b"x" * RECORD_BYTES + b'"}\n')
        await until(lambda: number("eventsrc_quarantined_total", reason="too_large") == 1)

    await running(tmp_path / "data", [str(tmp_path / "a.jsonl")], look)


async def test_a_source_that_cannot_be_read_is_troubled_until_it_can(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(1))

    async def look(service: Service) -> None:
        await service.reached(1)
        assert value(service.metrics, "eventsrc_source_troubled") == 0
        file.unlink()
        file.mkdir()
        await until(lambda: value(service.metrics, "eventsrc_source_troubled") == 1)
        file.rmdir()
        file.write_bytes(lines(1, 2))
        await until(lambda: value(service.metrics, "eventsrc_source_troubled") == 0)

    await running(tmp_path / "data", [str(file)], look)


async def test_the_lag_grows_while_a_read_model_stands_still(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def look(service: Service) -> None:
        def lag(name: str) -> float:
            told = service.metrics.render().decode()
            found = re.search(rf'^eventsrc_projection_{name}{{projection="agents"}} (\S+)$', told, re.MULTILINE)
            return float(found[1]) if found else -1.0  # the read model has not told anything yet

        await until(lambda: lag("generation") == 1 and lag("rebuilding") == 0)
        await pushed(data, "1")
        await until(lambda: lag("position") == 1 and lag("lag_events") == 0 and lag("batch_seconds_count") > 0)
        assert lag("oldest_unapplied_timestamp_seconds") == 0
        (file,) = (data / "read/agents").glob("*.db")
        before = SystemClock().now()
        with sqlite3.connect(file, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            await pushed(data, "2")
            assert lag("lag_events") == 1
            assert before - 1 <= lag("oldest_unapplied_timestamp_seconds") <= SystemClock().now()
            other.execute("ROLLBACK")
        other.close()
        await until(lambda: lag("lag_events") == 0)
        assert value(service.metrics, "eventsrc_log_append_seconds_count") == 2
        assert value(service.metrics, "eventsrc_log_fsync_seconds_count") == 2

    await running(data, [], look)


async def test_duplicates_are_no_commits(tmp_path: Path) -> None:
    async def look(service: Service) -> None:
        for _ in range(3):
            await pushed(tmp_path / "data", "1")
        assert value(service.metrics, "eventsrc_duplicates_total") == 2
        assert value(service.metrics, "eventsrc_log_fsync_seconds_count") == 1
        assert value(service.metrics, "eventsrc_log_append_seconds_count") == 3

    await running(tmp_path / "data", [], look)


async def test_the_outcome_of_the_last_check_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def look(service: Service) -> None:
        assert value(service.metrics, "eventsrc_verify_last_timestamp_seconds") == 0
        made = note(data, verify(data), SystemDisk(), SystemClock())
        assert value(service.metrics, "eventsrc_verify_last_timestamp_seconds") == made.time
        assert value(service.metrics, "eventsrc_verify_problems") == 0
        assert value(service.metrics, "eventsrc_heartbeat_period_seconds") == 30

    await running(data, [], look)


async def test_requests_are_counted_under_their_route(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def look(service: Service) -> None:
        await pushed(data, "1")
        counted = "eventsrc_http_requests_total"
        await until(lambda: value(service.metrics, counted, route="/v1/events", status="2xx") == 1)
        assert value(service.metrics, counted, route="/metrics", status="5xx") == 0
        assert value(service.metrics, counted, route="other", status="2xx") == 0

    await running(data, [], look)


async def test_a_scrape_is_written_where_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, here, wrote = tmp_path / "data", threading.get_ident(), []

    def text(self: Metrics) -> bytes:
        wrote.append(threading.get_ident())
        return generate_latest(self._registry)

    monkeypatch.setattr(Metrics, "text", text)

    async def look(_service: Service) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(data / "eventsrc.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            told = (await http.get("/metrics")).text
        assert "\neventsrc_log_head_position 0.0\n" in told
        assert wrote and here not in wrote

    await running(data, [], look)
