"""What the tests of the log share: drafts in one line, a log on any disk, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eventsrc.durable import Disk, SystemDisk
from eventsrc.event import Appended, Draft, Envelope, Record
from eventsrc.log import Batch, Log, LogReader
from eventsrc.log.draft import draft
from eventsrc.testing.clock import ManualClock


def note(number: int | str, *, subject: str = "s/1", unique: bool = False, data: bytes | None = None) -> Draft:
    """An event that says its number."""
    body = data if data is not None else b'{"n":"%s","pad":"ab"}' % str(number).encode()
    record = Record("test", body, f"id-{number}", cursor=f"file {number}", unique=unique)
    return draft(record, Envelope("test.note", subject))


def notes(first: int, count: int, *, unique: bool = False) -> list[Draft]:
    return [note(number, unique=unique) for number in range(first, first + count)]


def open_log(directory: Path, disk: Disk | None = None, *, segment_bytes: int = 1 << 20) -> Log:
    return Log.open(directory, disk=disk or SystemDisk(), clock=ManualClock(), segment_bytes=segment_bytes)


def append(log: Log, drafts: Sequence[Draft], expected: dict[str, int] | None = None) -> Appended:
    """Appends one batch as a group of its own; raises what refuses it."""
    (answer,) = log.commit([Batch(drafts, expected)])
    if not isinstance(answer, Appended):
        raise answer
    return answer


def abandon(log: Log) -> None:
    """What the end of its process does to a log: nothing is flushed, and the kernel lets go of the lock."""
    log._lock.release()


def build(directory: Path, groups: Sequence[int], *, segment_bytes: int = 1 << 20) -> None:
    """A closed log with groups of these sizes."""
    log = open_log(directory, segment_bytes=segment_bytes)
    number = 1
    for size in groups:
        append(log, notes(number, size))
        number += size
    log.close()


def records(directory: Path) -> list[bytes]:
    """Everything that is in the log, in order, as received."""
    reader = LogReader(directory)
    found: list[bytes] = []
    while events := reader.read(len(found)):
        assert [event.position for event in events] == list(range(len(found) + 1, len(found) + len(events) + 1))
        found += [event.raw for event in events]
    return found


def files(directory: Path) -> dict[str, bytes]:
    """Every byte below a log folder, but for the lock."""
    log = directory / "log"
    return {str(path.relative_to(log)): path.read_bytes() for path in sorted(log.rglob("*.jsonl"))}


def newest(directory: Path) -> Path:
    return sorted((directory / "log").glob("0*.jsonl"))[-1]
