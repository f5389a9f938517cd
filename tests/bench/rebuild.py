"""Rebuilding `agents` from a log that is mostly deltas, beside doing nothing but decoding and folding in memory."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from eventsrc.clock import SystemClock
from eventsrc.config import Settings
from eventsrc.durable import SystemDisk
from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.ingest.ingestor import drafts_of
from eventsrc.log import Batch, Log, LogReader
from eventsrc.projector.discovery import discover
from eventsrc.projector.opening import open_feed
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.bench import peers
from tests.bench.material import Material
from tests.bench.table import Row, best, timed

AT_ONCE = 4_096


def measure(material: Material) -> list[Row]:
    """Events per second with one core and with all, beside a bare loop and two peers."""
    sizes = material.sizes
    data = log_of(material)
    lines = sizes.lines
    bare = lines / best(sizes.repeats, lambda _: timed(lambda: _bare(data)))
    one = lines / best(sizes.repeats, lambda _: _rebuild(data, lines, 1))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    all_ = lines / best(sizes.repeats, lambda _: _rebuild(data, lines, None))
    replay = peers.eventsourcing_replay(material)
    insert = peers.sqlite_utils_insert(material)
    quick = max(one, all_)
    unit = "events/s"
    return [
        Row("rebuild, one process", one, unit, "decode and fold in memory", bare, "≥ 0.60", one >= 0.6 * bare),
        Row(f"rebuild, {cores} cores", all_, unit, "decode and fold in memory", bare, "≥ 200 k/s", all_ >= 200_000),
        Row("rebuild, the better", quick, unit, "`eventsourcing` replay", replay, "≥ 1.00", quick >= replay),
        Row("rebuild, the better", quick, unit, "`sqlite-utils insert --nl`", insert, "≥ 3.00", quick >= 3 * insert),
    ]


def log_of(material: Material) -> Path:
    """A log that holds the lines of `sse_lines`; made once per run."""
    data = material.folder / "rebuild"
    if data.exists():
        return data
    log = Log.open(data, disk=SystemDisk(), clock=SystemClock(), segment_bytes=Settings().log.segment_bytes)
    formats = Formats.load()
    lines = material.sse_lines.read_bytes().split(b"\n")[:-1]
    source = "file:///sse_lines.jsonl"
    for start in range(0, len(lines), AT_ONCE):
        records = [Record(source, line, str(start + i)) for i, line in enumerate(lines[start : start + AT_ONCE])]
        log.commit([Batch(drafts_of(records, formats)[0])])
    log.close()
    return data


def _rebuild(data: Path, events: int, workers: int | None) -> float:
    """Seconds from the command to the switch. One worker means that everything happens in this process."""
    site = Site(data / "read", open_feed(data, workers=workers), SystemDisk(), SystemClock())
    projection = discover().projections["agents"]
    results = []
    seconds = timed(lambda: results.extend(rebuild([projection], site)))
    assert [(result.events, result.error, result.dead_letters) for result in results] == [(events, "", 0)]
    return seconds


def _bare(data: Path) -> None:
    """The least that any fold of these lines does: both layers of JSON read, texts gathered per block, in memory."""
    decode, inner_of = msgspec.json.Decoder().decode, msgspec.json.Decoder().decode
    buffers: dict[tuple[str, int], list[str]] = {}
    for path in sorted((data / "log").glob("0*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                row = decode(line)["data"]
                text = row.get("line", "")
                if not text.startswith("data: "):
                    continue
                payload = inner_of(text[6:]).get("payload", {})
                delta = payload.get("delta")
                if isinstance(delta, dict):
                    piece = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
                    buffers.setdefault((row.get("flow_id", ""), payload.get("index", 0)), []).append(piece)
    assert {key: "".join(pieces) for key, pieces in buffers.items()}
    assert LogReader(data).head() > 0
