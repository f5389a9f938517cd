"""Small logs in one line: drafts, batches, a log on any disk, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from eventsrc.durable import Disk, SystemDisk
from eventsrc.event import Appended, Draft, Envelope, Record
from eventsrc.log import Batch, Log, LogReader
from eventsrc.log.draft import draft
from eventsrc.log.drafts import in_columns
from eventsrc.testing.clock import ManualClock


def note(number: int | str, *, subject: str = "s/1", unique: bool = False, data: bytes | None = None) -> Draft:
    """An event that says its number."""
    body = data if data is not None else b'{"n":"%s","pad":"ab"}' % str(number).encode()
    record = Record("test", body, f"id-{number}", cursor=f"file {number}", unique=unique)
    return draft(record, Envelope("test.note", subject))


def notes(first: int, count: int, *, unique: bool = False) -> list[Draft]:
    return [note(number, unique=unique) for number in range(first, first + count)]


def batch(
    *texts: str, subject: str = "stream/a", unique: bool = False, expected: dict[str, int] | None = None
) -> Batch:
    """One event per text; the text is id and data."""
    drafts = [note(text, subject=subject, unique=unique, data=f'"{text}"'.encode()) for text in texts]
    return together(drafts, expected)


def together(drafts: Iterable[Draft], expected: dict[str, int] | None = None) -> Batch:
    """Drafts that are appended all or not at all."""
    return Batch(in_columns(drafts), expected)


def open_log(directory: Path, disk: Disk | None = None, *, segment_bytes: int = 1 << 20) -> Log:
    """A log that seals early when it is told to."""
    return Log.open(directory, disk=disk or SystemDisk(), clock=ManualClock(), segment_bytes=segment_bytes)


def append(log: Log, drafts: Iterable[Draft], expected: dict[str, int] | None = None) -> Appended:
    """Appends one batch as a group of its own; raises what refuses it."""
    return _answered(log, together(drafts, expected))


def say(
    log: Log, *texts: str, subject: str = "stream/a", unique: bool = False, expected: int | None = None
) -> Appended:
    """Appends one batch of texts; `expected`: the revision that the stream has before."""
    expectation = None if expected is None else {subject: expected}
    return _answered(log, batch(*texts, subject=subject, unique=unique, expected=expectation))


def _answered(log: Log, told: Batch) -> Appended:
    (answer,) = log.commit([told])
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


def texts(directory: Path) -> list[str]:
    """Everything that was said in the log, in order."""
    return [record.decode().strip('"') for record in records(directory)]


def files(directory: Path) -> dict[str, bytes]:
    """Every byte below a log folder, but for the lock."""
    log = directory / "log"
    return {str(path.relative_to(log)): path.read_bytes() for path in sorted(log.rglob("*.jsonl"))}


def newest(directory: Path) -> Path:
    """The segment that is being written."""
    return max((directory / "log").glob("0*.jsonl"))


def forget_index(directory: Path) -> None:
    """As on a machine to which only the log was copied."""
    for path in (directory / "index").glob("*"):
        path.unlink()
