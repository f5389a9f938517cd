"""Small logs for the laws."""

from __future__ import annotations

from pathlib import Path

from eventsrc.clock import SystemClock
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import EventsrcError
from eventsrc.event import Appended, Envelope, Record
from eventsrc.log import Batch, Log, LogReader
from eventsrc.log.draft import draft


def opened(data: Path, disk: Disk | None = None, segment_bytes: int = 1 << 20) -> Log:
    """A log that seals early when it is told to."""
    return Log.open(data, disk=disk or SystemDisk(), clock=SystemClock(), segment_bytes=segment_bytes)


def batch(
    *texts: str, subject: str = "stream/a", unique: bool = False, expected: dict[str, int] | None = None
) -> Batch:
    """One event per text; the text is id and data."""
    envelope = Envelope("test.event", subject)
    records = [Record("urn:test", f'"{text}"'.encode(), text, unique=unique) for text in texts]
    return Batch([draft(record, envelope) for record in records], expected)


def append(log: Log, *texts: str, **how: object) -> Appended:
    """Appends one batch that must be accepted."""
    (answer,) = log.commit([batch(*texts, **how)])  # type: ignore[arg-type]
    assert not isinstance(answer, EventsrcError), answer
    return answer


def texts(data: Path) -> list[str]:
    """The data of every event, read from the files."""
    reader = LogReader(data)
    found: list[str] = []
    while events := reader.read(len(found)):
        assert [event.position for event in events] == list(range(len(found) + 1, len(found) + 1 + len(events)))
        found += [event.raw.decode().strip('"') for event in events]
    return found


def newest(data: Path) -> Path:
    """The segment that is being written."""
    return max((data / "log").glob("0*.jsonl"))


def forget_index(data: Path) -> None:
    """As on a machine to which only the log was copied."""
    for path in (data / "index").glob("*"):
        path.unlink()
