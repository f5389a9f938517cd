"""Opening a long log: costs as much as its newest segment, whatever came before."""

from __future__ import annotations

import hashlib
from pathlib import Path

from eventsrc.clock import SystemClock
from eventsrc.config import Settings
from eventsrc.durable import SystemDisk
from eventsrc.event import Envelope, Record
from eventsrc.limits import COMMIT_EVENTS, MIB
from eventsrc.log import Batch, Log
from eventsrc.log.draft import draft
from eventsrc.log.drafts import in_columns
from eventsrc.metrics import Metrics
from eventsrc.service.pipeline import Pipeline
from tests.bench.material import Material
from tests.bench.table import Row, best, timed


def measure(material: Material) -> list[Row]:
    """Seconds to open a log, and to have the service's way into it ready, beside hashing one segment."""
    sizes = material.sizes
    data = _long_log(material)
    alone = best(sizes.repeats, lambda _: timed(lambda: _open(data).close()))
    ready = best(sizes.repeats, lambda _: timed(lambda: _pipeline(data).close()))
    newest = max((data / "log").glob("0*.jsonl"), key=lambda path: path.stat().st_size)
    bare = best(sizes.repeats, lambda _: timed(lambda: hashlib.sha256(newest.read_bytes()).digest()))
    what = f"opening {sizes.log_events / 1e6:g} M events"
    against = f"SHA-256 of one segment ({newest.stat().st_size / MIB:.0f} MiB)"
    return [
        Row(what, alone, "s", against, bare, "≤ 1 s", alone <= 1),
        Row(f"{what}, newest sealed segments verified", ready, "s", against, bare, "≤ 1 s", ready <= 1),
    ]


def _open(data: Path) -> Log:
    log = Log.open(data, disk=SystemDisk(), clock=SystemClock(), segment_bytes=Settings().log.segment_bytes)
    assert log.recovery.clean
    return log


def _pipeline(data: Path) -> Pipeline:
    return Pipeline(data, Settings(), SystemDisk(), SystemClock(), Metrics("bench"))


def _long_log(material: Material) -> Path:
    """A log of many events of 64 streams, in few large commits."""
    data = material.place("long")
    records = [
        Record("urn:eventsrc:bench", b'{"text":"a few words"}', str(number), envelope=_said(number % 64))
        for number in range(COMMIT_EVENTS)
    ]
    drafts = [draft(record, _said(number % 64)) for number, record in enumerate(records)]
    log = _open(data)
    while (left := material.sizes.log_events - log.head) > 0:
        log.commit([Batch(in_columns(drafts[:left]))])
    log.close()
    return data


def _said(stream: int) -> Envelope:
    return Envelope("bench.said", f"session/{stream}")
