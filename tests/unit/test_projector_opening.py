"""On a real log with the installed formats: live, serial and parallel rebuilds agree row for row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import anyio
import pytest

from eventsrc.actor import Watermark
from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.event import Appended, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.ingest.ingestor import drafts_of
from eventsrc.log import Batch, Log
from eventsrc.plugin import BlockDelta, Projection, Reading
from eventsrc.projector.actor import Projector
from eventsrc.projector.generations import current
from eventsrc.projector.opening import open_feed
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from tests.conformance.projections import rows

SESSION = "78e51061-7311-4aa3-82ce-6f447ed4d57b"


class Texts(Projection):
    """The streamed text of every block, and every record that no format reads."""

    name = "texts"
    version = 1
    schema: ClassVar[Sequence[str]] = (
        "CREATE TABLE texts(flow TEXT, i INTEGER, text TEXT NOT NULL, n INTEGER, PRIMARY KEY(flow, i)) STRICT",
        "CREATE TABLE unknown(position INTEGER PRIMARY KEY, raw TEXT NOT NULL) STRICT",
    )

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._pieces: list[tuple[str, int, str, int]] = []
        self._unknown: list[tuple[int, str]] = []

    def fold(self, reading: Reading) -> None:
        for fact in reading.facts:
            if isinstance(fact, BlockDelta):
                self._pieces.append((fact.request_id or fact.message_id, fact.index, fact.text, fact.count))
        if reading.raw is not None:
            self._unknown.append((reading.position, reading.raw))

    def flush(self) -> None:
        self.connection.executemany(
            "INSERT INTO texts VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT DO UPDATE SET text = text || excluded.text, n = n + excluded.n",
            self._pieces,
        )
        self.connection.executemany("INSERT INTO unknown VALUES (?, ?)", self._unknown)
        self._pieces, self._unknown = [], []


def _row(number: int) -> bytes:
    """A streamed delta as the instrumented agent writes it: JSON inside JSON. Every 40th record is of no format."""
    if number % 40 == 0:
        return b'{"something": "else", "n": %d}' % number
    flow = f"req_{number // 100:08d}"
    payload = {
        "type": "content_block_delta",
        "index": number % 100 // 50,
        "delta": {"type": "text_delta", "text": f"piece {number} "},
        "request_id": flow,
    }
    return json.dumps(
        {
            "event": "claude.content_block_delta",
            "t": "2026-01-10T10:00:00.000",
            "line": "data: " + json.dumps({"type": "event_msg", "payload": payload}),
            "round": "019b2c3d-0000-7000-8000-000000000001",
            "metadata": json.dumps({"ver": "claude-code-2.0.42", "pid": 4242, "cwd": "/home/dev/project"}),
            "flow_id": "msg_1",
            "data_count": number,
            "sid": SESSION,
        }
    ).encode()


def _grow(log: Log, formats: Formats, count: int) -> None:
    """Appends `count` records in groups of uneven size."""
    number, end = log.head, log.head + count
    while number < end:
        records = [
            Record("file:///dev/sse_lines.jsonl", _row(n + 1), str(n)) for n in range(number, min(number + 170, end))
        ]
        (answer,) = log.commit([Batch(drafts_of(records, formats)[0])])
        assert isinstance(answer, Appended)
        number = log.head


async def test_live_serial_and_parallel_agree_on_a_real_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.projector.feed.PORTION_BYTES", 64 * 1024)
    formats = Formats.load()
    log = Log.open(tmp_path, disk=SystemDisk(), clock=SystemClock())
    _grow(log, formats, 1_000)
    here = Site(tmp_path / "read", open_feed(tmp_path, workers=0), SystemDisk(), SystemClock())
    watermark = Watermark(log.head)
    projector = Projector(Texts, here, watermark)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(projector.run)
        for _ in range(20):
            _grow(log, formats, 50)
            watermark.advance(log.head)
            await anyio.wait_all_tasks_blocked()
        watermark.close()
    lived = rows(current(here.read_dir, "texts"))
    assert lived["position"][0][1] == 2_000
    assert len(lived["unknown"]) == 50
    assert sum(n for _, _, _, n in lived["texts"]) == 1_950
    assert rebuild([Texts], here)[0].generation == 2
    assert rows(current(here.read_dir, "texts")) == lived
    monkeypatch.setattr("eventsrc.projector.feed.PARALLEL_BYTES", 1)
    together = Site(here.read_dir, open_feed(tmp_path, workers=2), here.disk, here.clock)
    assert rebuild([Texts], together)[0].generation == 3
    assert rows(current(here.read_dir, "texts")) == lived
    log.close()
