"""What the log says of a branch: one event, in one stream for all of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from eventsrc.event import Event, Position

TYPE = "eventsrc.branch.begun"
STREAM = "eventsrc/branches"
SOURCE = "urn:eventsrc:branches"


class Begun(msgspec.Struct, frozen=True):
    """The data of the event."""

    branch: str
    """Its id: eight hexadecimal digits."""
    name: str | None
    """What a person calls it."""
    base_position: Position
    """What it builds on: the log up to here; 0 for one that begins with nothing."""
    checkpoint: str | None = None
    """Id of the checkpoint that is the base; None for one that begins with nothing."""
    label: str | None = None
    """That checkpoint's label."""
    digest: str | None = None
    """SHA-256 of the log up to the base, so that the base can still be checked when the checkpoint is gone."""
    files: tuple[str, ...] = ()
    """What was given out with it, as paths of the machine that did it."""


class Branch(Begun, frozen=True, kw_only=True):
    """A branch, and the stretch of the log that was written while it was the one that went on."""

    position: Position
    """Of the event that began it."""
    begun: str
    """When the log accepted that event, RFC 3339."""
    until: Position
    """The last event before the next branch; the head of the log for the newest."""

    @property
    def left_behind(self) -> int:
        """Events between its base and its beginning: they are in the log, and it does not build on them."""
        return self.position - 1 - self.base_position

    @property
    def events(self) -> int:
        """Events that were written on it."""
        return self.until - self.position


def branches_of(events: Iterable[Event], head: Position) -> list[Branch]:
    """Every branch, newest first; `events` are those of `STREAM` in order, others of that stream are skipped.

    An event that somebody else wrote there and that says no base is no branch."""
    found: list[tuple[Event, Begun]] = []
    for event in events:
        if event.type != TYPE:
            continue
        try:
            found.append((event, msgspec.json.decode(event.data, type=Begun)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    ends = [*(event.position - 1 for event, _ in found[1:]), head][: len(found)]
    branches = [
        Branch(**msgspec.structs.asdict(begun), position=event.position, begun=event.recordedtime, until=end)
        for (event, begun), end in zip(found, ends, strict=True)
    ]
    return branches[::-1]
