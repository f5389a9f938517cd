"""The public Python API: a store in a directory, for programs that append and read events themselves."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.errors import EventsrcError, NoStore, NotAllowed
from eventsrc.event import Appended, Envelope, Event, Position, Record
from eventsrc.limits import READ_BYTES, READ_EVENTS
from eventsrc.log import Batch, Log, LogReader, tail
from eventsrc.log.draft import draft
from eventsrc.log.drafting import drafted
from eventsrc.log.drafts import in_columns
from eventsrc.log.plain import lines_of


def open(directory: str | os.PathLike[str], *, create: bool = True, readonly: bool = False) -> Store:
    """Opens the store in `directory`.

    `create`: make one when there is none; else NoStore is raised. `readonly`: take no lock, so that it works beside the
    process that writes; `append` then raises NotAllowed.

    Raises LockHeld when another process writes there, LogCorrupt when the log is damaged before its tail.
    """
    return Store(Path(directory), create=create, readonly=readonly)


class Store:
    """An open store; close it, or use it in a `with`. Belongs to one thread."""

    def __init__(self, directory: Path, *, create: bool, readonly: bool) -> None:
        log = directory / "log"
        if not log.is_dir() and (readonly or not create):
            raise NoStore(path=directory)
        self.directory = directory
        self._log = None if readonly else Log.open(directory, disk=SystemDisk(), clock=SystemClock())
        self._reader = LogReader(directory)

    @property
    def head(self) -> Position:
        """Position of the newest event; 0 when there is none."""
        return self._log.head if self._log else self._reader.head()

    def append(
        self,
        data: Sequence[Any],
        *,
        subject: str,
        type: str,
        source: str = "urn:eventsrc:api",
        ids: Sequence[str] | None = None,
        expected_revision: int | None = None,
    ) -> Appended:
        """Appends `data`, all or nothing, and returns after it is durable.

        data: JSON-encodable values, or `bytes` that are kept as they are.
        subject: the stream. type: what happened. source: who says so (a URI reference).
        ids: one per value; an id that this source used before makes the value a duplicate, which is answered with the
            position of the event that is there. Without ids every value is new.
        expected_revision: the number of events that the stream must have now, else WrongRevision.

        Raises IdConflict when an id was used for other data, DiskFull when there is no room (nothing is stored then),
        LogFailed when the disk failed: open the store again then.
        """
        if self._log is None:
            raise NotAllowed(reason="the store was opened for reading")
        envelope = Envelope(type, subject)
        names = ids if ids is not None else [uuid.uuid4().hex for _ in data]
        records = [
            Record(source=source, data=_encoded(value), id=name, envelope=envelope, unique=ids is not None)
            for value, name in zip(data, names, strict=True)
        ]
        expected: Mapping[str, int] | None = None if expected_revision is None else {subject: expected_revision}
        envelopes = [envelope] * len(records)
        if lines_of([record.data for record in records]) is None:
            drafts = in_columns(map(draft, records, envelopes))
        else:
            drafts = drafted(records, envelopes)
        batch = Batch(drafts, dict(expected) if expected else None)
        answer = self._log.commit([batch])[0]
        if isinstance(answer, EventsrcError):
            raise answer
        return answer

    def read(self, after: Position = 0, *, until: Position | None = None) -> Iterator[Event]:
        """The events after position `after`, in order, up to `until` or the newest that is there now."""
        last = self.head if until is None else min(until, self.head)
        while after < last:
            events = self._reader.read(after, until=last, max_events=READ_EVENTS, max_bytes=READ_BYTES)
            yield from events
            after = events[-1].position

    def stream(self, subject: str, *, after_revision: int = 0) -> Iterator[Event]:
        """The events of one stream, in order, after its revision `after_revision`."""
        yield from self._reader.stream(subject, after_revision)

    def revision(self, subject: str) -> int:
        """How many events a stream has; 0 when there is none of that name."""
        if self._log is not None:
            return self._log.revision(subject)
        return sum(1 for _ in self._reader.stream(subject, 0))

    def follow(self, after: Position = 0) -> Iterator[Event]:
        """Like `read`, and then goes on with what is appended, for ever; also from another process."""
        yield from tail.follow(self._reader, after)

    def close(self) -> None:
        """Lets go of the lock. Closing twice is harmless."""
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _encoded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else msgspec.json.encode(value)
