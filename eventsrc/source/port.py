"""The doors of this room: what a source is given and what it looks like to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from eventsrc.actor import Ticket
from eventsrc.event import Appended, Cursor, Record


class Deliver(Protocol):
    """Hands a batch over. Returns when it is accepted into a bounded queue (back-pressure); the ticket's answer means
    durable.

    **A batch is the unit**: it is committed as a whole or not at all, in the order of its records, and batches of one
    source keep their order. That is why only the last record of a batch carries the cursor. A ticket that fails with
    `TryAgain` says that nothing of the batch was stored; the source hands it over again.

    `after` is the ticket of a batch handed over before: when that one was refused, this one is refused the same way.
    So several batches of one file can be on their way, and none is stored without those before it."""

    def __call__(
        self, records: Sequence[Record], after: Ticket[Appended] | None = None, /
    ) -> Awaitable[Ticket[Appended]]: ...


Cursors: TypeAlias = Callable[[str], Cursor | None]
"""The last durable cursor of a key, or None. The key is a cursor's text before its first blank."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told (bytes done, bytes there are), both over all files and counting what was recorded earlier."""


class SourcePosition(msgspec.Struct, frozen=True):
    """Where a source stands, for `status`."""

    kind: str
    path: str
    """The file; for other kinds the name of the source."""
    cursor: Cursor | None
    behind_bytes: int
    """Bytes seen but not durable yet, an unfinished last line included."""
    problem: str = ""


class Report(msgspec.Struct):
    """What a source that reads to the end has done. Only grows."""

    files: int = 0
    """Files that were there."""
    read: int = 0
    """Records handed over and durable by this run."""
    known: int = 0
    """Records of these files that were already recorded, from their cursors, without reading them again."""
    blank: int = 0
    """Empty lines that were passed over."""
    oversize: int = 0
    """Records beyond the limit, of which a stub was recorded."""
    bytes: int = 0
    """Bytes of the files that this run went past."""
    unfinished: dict[str, int] = {}
    """Path → bytes of a last line without line feed: left alone until it is complete."""
    problems: dict[str, str] = {}
    """Path → why it could not be read."""


@runtime_checkable
class Source(Protocol):
    """Something that records come from. `run` is an actor's loop: it works until cancelled, stopped or at the end."""

    @property
    def kind(self) -> str:
        """Its name in the catalogue, e.g. `file`."""
        ...

    @property
    def name(self) -> str:
        """Unique within one service, e.g. `file:/var/log/agent.jsonl`."""
        ...

    async def run(self, deliver: Deliver) -> None:
        """Hands everything over. Raises what the log raises, except `TryAgain`, after which it tries again."""
        ...

    def positions(self) -> list[SourcePosition]:
        """Where it stands, from memory."""
        ...
