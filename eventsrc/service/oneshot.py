"""Files read to their ends, once: beside the sources that follow, or without a service."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio

from eventsrc.actor import Ticket
from eventsrc.clock import Clock
from eventsrc.event import Appended, Record
from eventsrc.ingest import Counts
from eventsrc.service.models import Models
from eventsrc.service.pipeline import Pipeline
from eventsrc.source import Follow, Report, Stdin

Once = Follow | Stdin
CATCH_UP = 60.0  # seconds that a report waits for the read models; what is durable is durable


class Counted:
    """`deliver` that keeps count of the answers, without holding on to all of them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._open: deque[Ticket[Appended]] = deque()
        self.counts = Counts()
        self._before = pipeline.log.head

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        """As `Pipeline.deliver`."""
        ticket = await self._pipeline.deliver(records, after)
        self._open.append(ticket)
        while self._open and self._open[0].done:
            await self._settle()
        return ticket

    async def finish(self) -> None:
        """Returns when every answer is there."""
        while self._open:
            await self._settle()

    async def _settle(self) -> None:
        self.counts.add(await self._open.popleft().wait(), self._before)


async def ingest_paths(pipeline: Pipeline, models: Models, paths: Sequence[str], clock: Clock) -> AsyncIterator[object]:
    """Yields `{"done": bytes, "total": bytes}` now and then, and the report last, when the read models have it too."""
    send, receive = anyio.create_memory_object_stream[dict[str, Any]](1)

    def progress(done: int, total: int) -> None:
        try:
            send.send_nowait({"done": done, "total": total})
        except anyio.WouldBlock:
            return  # the reader has the last one still to read

    async def work() -> None:
        with send:
            report = await ingest_source(pipeline, Follow(paths, pipeline.cursor, once=True, progress=progress), clock)
            with anyio.move_on_after(CATCH_UP):
                await models.caught_up(report["last_position"] or 0)
            await send.send(report)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        with receive:
            async for line in receive:
                yield line
        group.cancel_scope.cancel()


async def ingest_source(pipeline: Pipeline, source: Once, clock: Clock) -> dict[str, Any]:
    """Reads a source to its end; returns the shape of `ingest --json`, after everything is durable."""
    started = clock.monotonic()
    counted = Counted(pipeline)
    await source.run(counted.deliver)
    await counted.finish()
    return report_of(counted.counts, source.report, clock.monotonic() - started)


def report_of(counts: Counts, read: Report, seconds: float) -> dict[str, Any]:
    """`read` = `appended` + `duplicates` + `quarantined`: what an earlier run recorded counts as duplicates."""
    return {
        "read": counts.read + read.known,
        "appended": counts.appended,
        "duplicates": counts.duplicates + read.known,
        "quarantined": counts.quarantined,
        "first_position": counts.first_position,
        "last_position": counts.last_position,
        "seconds": round(seconds, 3),
        "files": read.files,
        "bytes": read.bytes,
        "blank": read.blank,
        "oversize": read.oversize,
        "unfinished": read.unfinished,
        "problems": read.problems,
    }
