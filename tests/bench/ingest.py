"""Files into the log: `eventsrc ingest` and its way into the log alone, beside reading the same files line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec

from eventsrc.actor import Supervisor
from eventsrc.clock import SystemClock
from eventsrc.config import Settings
from eventsrc.durable import SystemDisk
from eventsrc.metrics import Metrics
from eventsrc.service.here import ingest_here
from eventsrc.service.oneshot import ingest_source
from eventsrc.service.pipeline import Pipeline
from eventsrc.source import Follow
from tests.bench.material import Material
from tests.bench.table import Row, timed

MIB = 1024 * 1024


def measure(material: Material) -> list[Row]:
    """Lines and bytes per second of a large `sse_lines.jsonl` and of a transcript."""
    rows = []
    for path, wants_lines in ((material.sse_lines, True), (material.transcript, False)):
        lines, size = path.read_bytes().count(b"\n"), path.stat().st_size
        repeats = material.sizes.repeats
        alone = min(_into_log(material, path) for _ in range(repeats))
        durable, whole = min(_command(material, path) for _ in range(repeats))
        bare = min(timed(lambda path=path: _bare(path)) for _ in range(repeats))  # type: ignore[misc]
        amount, unit = (lines, "lines/s") if wants_lines else (size / MIB, "MiB/s")
        target = 200_000 if wants_lines else 150
        words = "≥ 200 k/s" if wants_lines else "≥ 150 MiB/s"
        name = "ingest sse_lines" if wants_lines else "ingest transcripts"
        against = "reading and checking each line"
        rate = amount / alone
        rows += [
            Row(f"{name}, into the log", rate, unit, against, amount / bare, words, rate >= target),
            Row(f"{name}, durable beside `agents`", amount / durable, unit, against, amount / bare),
            Row(f"{name}, until `agents` has it", amount / whole, unit, against, amount / bare),
        ]
    return rows


def _into_log(material: Material, path: Path) -> float:
    """Seconds until everything is durable, without read models."""
    report: dict[str, Any] = anyio.run(_ingest, material.place("ingest"), path)
    assert report["appended"] == path.read_bytes().count(b"\n")
    return float(report["seconds"])


async def _ingest(data: Path, path: Path) -> dict[str, Any]:
    clock = SystemClock()
    pipeline = Pipeline(data, Settings(), SystemDisk(), clock, Metrics("bench"))
    supervisor = Supervisor()
    for charge in pipeline.charges():
        supervisor.add(charge)
    report: dict[str, Any] = {}

    async def work() -> None:
        report.update(await ingest_source(pipeline, Follow([str(path)], pipeline.cursor, once=True), clock))
        await supervisor.stop()

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await supervisor.run()
    pipeline.close()
    return report


def _command(material: Material, path: Path) -> tuple[float, float]:
    """(seconds until everything is durable, until the read models have it) of the command's own way."""
    report: dict[str, Any] = {}

    def command() -> None:
        report.update(ingest_here(Settings(), material.place("ingest"), [str(path)], lambda _done, _total: None))

    whole = timed(command)
    assert report["appended"] == path.read_bytes().count(b"\n")
    return float(report["seconds"]), whole


def _bare(path: Path) -> None:
    """What no way into the log can do without: read, cut into lines, see that each is JSON."""
    is_json = msgspec.json.Decoder(msgspec.Raw).decode
    with path.open("rb") as file:
        for line in file:
            is_json(line)
