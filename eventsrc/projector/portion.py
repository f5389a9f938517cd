"""A portion: a run of neighbouring events of the log, read and joined, ready to be folded.

Pure functions and values. A portion crosses a process boundary as msgpack, so several processes can read the log while
one folds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from eventsrc.event import Event, Position
from eventsrc.limits import RECORD_HEAD_BYTES
from eventsrc.plugin import Piece, Reading
from eventsrc.projector.attempt import Attempt


class Reads(Protocol):
    """What events mean: `eventsrc.formats.catalogue.Formats` in the service."""

    def read(self, event: Event) -> Reading:
        """Pure. An exception makes the event a dead letter of every read model."""
        ...

    def read_events(self, events: Sequence[Event]) -> Iterable[Reading | Piece]:
        """The same for each of them; an exception means that they are read one by one."""
        ...


Join: TypeAlias = Callable[[Iterable[Reading | Piece]], list[Reading]]
"""Joins neighbouring pieces of one block, which changes nothing that a projection can see."""


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event that could not be applied to a read model, with the reason. The event itself stays in the log."""

    position: Position
    type: str
    reason: str
    raw_json: str | None
    """The record as text; None when it is larger than RECORD_HEAD_BYTES: the log has it at `position`."""
    recorded_at: str


class Portion(msgspec.Struct, frozen=True, array_like=True):
    """The events from `first` to `last`, inclusive, without gaps."""

    first: Position
    last: Position
    digest: str
    """Checksum of the log's line at `last`: it ties a read model to the log it was made from."""
    began: str
    """When the log accepted `first`, RFC 3339."""
    ended: str
    """When the log accepted `last`."""
    readings: list[Reading]
    """Fewer than events where neighbours were joined."""
    unread: list[DeadLetter] = []
    """Events that no format could read; they have no reading."""

    @property
    def events(self) -> int:
        return self.last - self.first + 1


def portion_of(events: Sequence[Event], formats: Reads, join: Join) -> Portion:
    """Reads a run of events. Raises nothing that the formats raise: those events end in `unread`."""
    first, last = events[0], events[-1]
    assert last.position - first.position == len(events) - 1, f"the log skips between {first.sequence}, {last.sequence}"
    readings: list[Reading] = []
    unread: list[DeadLetter] = []
    with Attempt() as attempt:
        readings = join(formats.read_events(events))
    if attempt.reason:
        outcomes = [reading_of(event, formats) for event in events]
        readings = join([outcome for outcome in outcomes if isinstance(outcome, Reading)])
        unread = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
    return Portion(
        first=first.position,
        last=last.position,
        digest=last.crc32,
        began=first.recordedtime,
        ended=last.recordedtime,
        readings=readings,
        unread=unread,
    )


def reading_of(event: Event, formats: Reads) -> Reading | DeadLetter:
    """What one event means, or why nobody can tell."""
    with Attempt() as attempt:
        return formats.read(event)
    return dead_letter(event, attempt.reason)


def dead_letter(event: Event, reason: str) -> DeadLetter:
    """Only the event decides what stands in it, so that a rebuild makes the same row."""
    raw = event.raw
    text = raw.decode("utf-8", "replace") if len(raw) <= RECORD_HEAD_BYTES else None
    return DeadLetter(event.position, event.type, reason, text, event.recordedtime)
