"""Durable append through the whole path: producers → ingest → log → fdatasync → ticket."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import anyio
import anyio.to_thread

from eventsrc.actor import Supervisor
from eventsrc.clock import SystemClock
from eventsrc.config import Settings
from eventsrc.durable import SystemDisk, sync_file
from eventsrc.event import Envelope, Record
from eventsrc.log import LogReader
from eventsrc.metrics import Metrics
from eventsrc.service.pipeline import Pipeline
from tests.bench.material import Material
from tests.bench.table import Row, best, timed

SOURCE = "urn:eventsrc:bench"
DATA = b'{"text":"' + b"a few words of an answer " * 3 + b'"}'  # the line is then about 400 bytes long
BATCH = 512
BARE_SYNCS = 2_000  # that many tell what a sync costs


class Counting(SystemDisk):
    """The machine's disk, remembering how many bytes each write to the log took."""

    def __init__(self) -> None:
        self.writes: list[int] = []

    def write(self, fd: int, data: bytes | memoryview) -> int:
        taken = super().write(fd, data)
        self.writes.append(taken)
        return taken


def measure(material: Material) -> list[Row]:
    """Batches of 512 and of 1, each beside a bare loop that writes and syncs the same bytes."""
    sizes = material.sizes
    return [*_rows(material, BATCH, sizes.batches, 400_000), *_rows(material, 1, sizes.singles, 20_000)]


def _rows(material: Material, size: int, batches: int, floor: int) -> list[Row]:
    sizes = material.sizes
    count = sizes.producers * batches
    seconds, data, writes = min(
        (_append(material, batches, size) for _ in range(sizes.repeats)), key=lambda run: run[0]
    )
    body = b"".join(path.read_bytes() for path in sorted((data / "log").glob("0*.jsonl")))
    alone = [len(body) // count] * min(count, BARE_SYNCS)
    rate = count * size / seconds
    grouped = count * size / best(sizes.repeats, lambda _: _bare(material.place("bare"), body, writes))
    apart = len(alone) * size / best(sizes.repeats, lambda _: _bare(material.place("bare"), body, alone))
    what, target, unit = f"append, batches of {size}", f"≥ {floor // 1000} k/s", "events/s"
    return [
        Row(what, rate, unit, f"a loop writing the same {len(writes)} groups", grouped, target, rate >= floor),
        Row(what, rate, unit, f"a loop syncing every {size}", apart, "≥ 0.50", rate >= apart / 2),
    ]


def _append(material: Material, batches: int, size: int) -> tuple[float, Path, list[int]]:
    """(seconds until the last answer, the data directory, bytes of each write)."""
    data, disk = material.place("append"), Counting()
    seconds = anyio.run(_produce, data, disk, material.sizes.producers, batches, size)
    assert LogReader(data).head() == material.sizes.producers * batches * size
    return seconds, data, [taken for taken in disk.writes if taken > 300]


async def _produce(data: Path, disk: SystemDisk, producers: int, batches: int, size: int) -> float:
    pipeline = Pipeline(data, Settings(), disk, SystemClock(), Metrics("bench"))
    supervisor = Supervisor()
    for charge in pipeline.charges():
        supervisor.add(charge)
    given = [_batches(number, batches, size) for number in range(producers)]
    clock = SystemClock()
    seconds = 0.0

    async def produce(mine: Sequence[Sequence[Record]]) -> None:
        for records in mine:
            ticket = await pipeline.deliver(records)
            await ticket.wait()

    async def work() -> None:
        nonlocal seconds
        began = clock.monotonic()
        async with anyio.create_task_group() as group:
            for mine in given:
                group.start_soon(produce, mine)
        seconds = clock.monotonic() - began
        await supervisor.stop()

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await supervisor.run()
    pipeline.close()
    return seconds


def _batches(producer: int, batches: int, size: int) -> list[list[Record]]:
    envelope = Envelope("bench.said", f"session/{producer}")
    ids = count()
    return [
        [Record(SOURCE, DATA, f"{producer}/{next(ids)}", envelope=envelope) for _ in range(size)]
        for _ in range(batches)
    ]


def _bare(path: Path, body: bytes, cuts: Sequence[int]) -> float:
    """Seconds to write and sync `body` in pieces of these sizes."""
    view, pieces, start = memoryview(body), [], 0
    for cut in cuts:
        pieces.append(view[start : start + cut])
        start += cut
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def loop() -> None:
        for piece in pieces:
            os.write(fd, piece)
            sync_file(fd)

    try:
        return timed(loop)
    finally:
        os.close(fd)
        path.unlink()
