"""What this room needs of the others. The service wires it; a test hands over a small object in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import msgspec

from eventsrc.event import Appended, Position, Record


class Line(msgspec.Struct, frozen=True, gc=False):
    """One event as it stands in the log, and what a filter needs of it."""

    position: Position
    type: str
    subject: str
    text: bytes
    """The line without its line feed: one CloudEvents object."""


class Health(msgspec.Struct, frozen=True):
    """A verdict with its reasons; no reasons means well."""

    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons


class Reads(Protocol):
    """The log, read."""

    @property
    def head(self) -> Position:
        """The last durable event; 0 when there is none."""
        ...

    async def beyond(self, position: Position) -> Position:
        """Waits until the head is past `position` and returns it."""
        ...

    async def read(self, after: Position, max_events: int, max_bytes: int) -> Sequence[Line]:
        """Durable events after `after`, in order and without a gap; at least one when there is one."""
        ...


class Port(Reads, Protocol):
    """Everything that the application offers to the outside."""

    async def append(self, records: Sequence[Record]) -> Appended:
        """Returns when all of them are durable; all or nothing, and nobody waits for a queue or a disk to get room.

        Raises `QueueFull`, `DiskFull`, `IdConflict`, `Rejected`, `LogFailed`.
        """
        ...

    async def set_aside(self, record: Record, reason: str) -> None:
        """Keeps a refused record where a person finds it, with the reason. Raises like `append`."""
        ...

    async def metrics(self) -> bytes:
        """Prometheus text format."""
        ...

    def health(self) -> Health:
        """Is there progress, or nothing to do?"""
        ...

    def ready(self) -> Health:
        """Is recovery done and is everything accepted?"""
        ...

    async def status(self) -> dict[str, Any]:
        """What `eventsrc status --json` prints; anything that msgspec encodes."""
        ...

    async def checkpoint(self, label: str | None) -> object:
        """Makes a checkpoint now and returns what `eventsrc checkpoint create --json` prints."""
        ...

    def ingest(self, paths: Sequence[str]) -> AsyncIterator[object]:
        """Reads the paths to their ends; yields progress, and the report last. Stops when the iterator is closed."""
        ...

    def rebuild(self, names: Sequence[str]) -> AsyncIterator[object]:
        """Rebuilds read models (all when empty); yields progress, and the report last."""
        ...

    def requested(self, route: str, status: int) -> None:
        """Counts an answered request. `route` is one of a fixed set of paths, or `other`."""
        ...

    def dropped_hook(self, reason: str) -> None:
        """Counts a hook that was answered and not recorded, as far as is known: `full`, `slow` or `failed`."""
        ...

    def listening(self, clients: int) -> None:
        """Told how many live-stream clients there are, whenever that changes."""
        ...
