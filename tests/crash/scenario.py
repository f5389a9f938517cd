"""A run that appends, seals, projects, checkpoints, rebuilds and starts again, on a disk that a test chooses.

What was acknowledged is written to a witness outside of the data directory, after the answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from eventsrc.actor import Watermark
from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.place import Place
from eventsrc.clock import SystemClock
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import DiskFull, EventsrcError
from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.log import Batch, Digests, Log, LogReader
from eventsrc.log.draft import draft
from eventsrc.projector import Projector, discover, rebuild
from eventsrc.service.models import site_of
from eventsrc.testing.disk import Fault, FaultyDisk
from eventsrc.testing.generate import generate_sse_lines

LINES = [line.rstrip(b"\n") for line in generate_sse_lines(240, 5)]
BATCH = 20
SEGMENT = 64 * 1024


def play(data: Path, witness: Path, disk: Disk) -> None:
    """Two starts; each appends half of the lines and does everything else that touches the disk."""
    for start in (0, len(LINES) // 2):
        log = Log.open(data, disk=disk, clock=SystemClock(), segment_bytes=SEGMENT)
        try:
            for number in range(start, start + len(LINES) // 2, BATCH):
                append(log, number, witness)
            project(data, disk, log.head)
            place = Place.of(data, Digests(data, LogReader(data).head), disk, SystemClock())
            place.shelf.sweep()
            create(place, None, automatic=True)
            rebuild(list(discover().projections.values()), site_of(data, disk, SystemClock()))
        finally:
            log.close()


def append(log: Log, number: int, witness: Path) -> None:
    """One batch; on a full disk once more, as a patient source does."""
    formats = Formats.load()
    lines = LINES[number : number + BATCH]
    records = [Record("file:///agent.jsonl", line, f"k:{number + i}", cursor=None) for i, line in enumerate(lines)]
    batch = Batch([draft(record, formats.recognise(record)) for record in records])
    try:
        (answer,) = log.commit([batch])
    except DiskFull:
        (answer,) = log.commit([batch])
    if isinstance(answer, EventsrcError):
        raise answer
    with witness.open("a") as file:
        file.write(f"{number + len(lines)}\n")


def project(data: Path, disk: Disk, head: int) -> None:
    """Brings every read model up to the head, as the running service does."""

    async def work() -> None:
        watermark = Watermark(head)
        watermark.close()
        for projection in discover().projections.values():
            await Projector(projection, site_of(data, disk, SystemClock()), watermark).run()

    anyio.run(work)


def acknowledged(witness: Path) -> int:
    """How many lines were acknowledged."""
    return int(witness.read_text().split()[-1]) if witness.exists() else 0


def main() -> None:
    """`python -m tests.crash.scenario DATA WITNESS N`: is killed at the N-th durable operation."""
    data, witness, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    play(data, witness, FaultyDisk(Fault(at, "kill")) if at else SystemDisk())


if __name__ == "__main__":
    main()
