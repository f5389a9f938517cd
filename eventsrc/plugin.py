"""All that an author of a format or a projection may import, and all they have to write.

A **format** reads one producer's records: one file, one entry point in the group `eventsrc.formats`.
A **projection** folds domain events into a read model: one folder, one entry point in `eventsrc.projections`.

    from eventsrc.plugin import Projection, Reading, PromptSubmitted

    class Prompts(Projection):
        name = "prompts"
        version = 1
        schema = ("CREATE TABLE prompts(day TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT",)

        def fold(self, reading):
            for fact in reading.facts:
                if isinstance(fact, PromptSubmitted):
                    ...                              # remember in memory

        def flush(self, connection):
            connection.executemany("INSERT INTO prompts … ON CONFLICT …", ...)   # once per batch

A projection never asks the clock, the process table, the network or a random source (law L9), so a rebuild gives
the same rows. Its memory is only a cache of its tables: the engine may throw the object away between any two batches
and make a new one on the same database, and batches may be cut anywhere (law L5).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import msgspec

from eventsrc import domain as domain
from eventsrc.beside import GrowingFiles
from eventsrc.clock import format_time, parse_time
from eventsrc.domain import *  # noqa: F403 - the whole vocabulary, as its own __all__ names it
from eventsrc.domain import BlockDelta, Fact
from eventsrc.errors import ReadModelDamaged
from eventsrc.event import Envelope, Event, Position, Record, Shaped
from eventsrc.gone import Gone
from eventsrc.limits import INLINE_RESULT_BYTES, PREVIEW_CHARS, SEARCH_CHARS

__all__ = [
    "INLINE_RESULT_BYTES",
    "PREVIEW_CHARS",
    "SEARCH_CHARS",
    "BlockKey",
    "Envelope",
    "Event",
    "Format",
    "Gone",
    "GrowingFiles",
    "ManyEvents",
    "ManyLines",
    "Piece",
    "Position",
    "Projection",
    "Question",
    "ReadModelDamaged",
    "Reading",
    "Record",
    "Shaped",
    "domain",
    "folder_name",
    "format_time",
    "parse_time",
]
__all__ += domain.__all__


@runtime_checkable
class Format(Protocol):
    """How one producer's records are recognised and read. Pure: no I/O, no clock, no memory between calls."""

    name: ClassVar[str]
    """Also the first part of nothing: event types keep the producer's own names."""
    version: ClassVar[int]
    """Raised when the reading changes; `rebuild` then applies the better reading to the whole past."""
    types: ClassVar[tuple[str, ...]]
    """Prefixes of the CloudEvents types that `recognise` gives, e.g. `("claude.", "codex.")`; they route events back
    to `read`. No two formats share a prefix."""

    def recognise(self, record: Record) -> Envelope | None:
        """The envelope of a record of this producer; None when it is not one. Never raises on any bytes.

        Runs once per record at ingest, on the hot path: decode only what the envelope needs (a few µs)."""
        ...

    def read(self, event: Event) -> Sequence[Fact]:
        """What the event means; raises ValueError (or msgspec.DecodeError) when the data contradicts its own type."""
        ...


@runtime_checkable
class ManyLines(Protocol):
    """What a format may offer beside `recognise` when its producer writes lines by the thousand."""

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> Sequence[Envelope | None]:
        """What `recognise` gives for each of the records. Each is exactly one JSON value in UTF-8 from one source;
        `lines` is their data joined by line feeds, which msgspec's `decode_lines` decodes in one go."""
        ...


class Reading(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event together with what it means."""

    position: Position
    """Its place in the log; of the last one where neighbouring deltas of one block were joined."""
    id: str
    type: str
    source: str
    facts: list[Fact]
    raw: str | None = None
    """The record as text; only when no format reads it, or when it says `Unknown`."""
    subject: str = ""
    recorded: str = ""
    """When the log accepted it, RFC 3339."""
    time: str | None = None

    @classmethod
    def of(cls, event: Event | Shaped[Any], facts: list[Fact], raw: str | None = None) -> Reading:
        """In the order of the fields; by name would cost as much as all the rest."""
        position, recorded = int(event.sequence), event.recordedtime
        return cls(position, event.id, event.type, event.source, facts, raw, event.subject, recorded, event.time)


BlockKey: TypeAlias = tuple[str, str, int | None, str, str, str, int, str, str]
"""What all pieces of one run share: sid, round, pid, agent, message id, request id, index, kind, source."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """The next piece of a streamed block where an event means nothing else: the reading with one `BlockDelta` that is
    not made yet, because neighbouring ones become one. The fields that it shares with `BlockDelta` mean the same."""

    event: Event | Shaped[Any]
    """That of the last piece, where several were joined."""
    block: BlockKey
    time: float | None
    local: float | None
    text: str
    count: int = 1
    last_time: float | None = None
    last_local: float | None = None

    @property
    def reading(self) -> Reading:
        """The same as a reading."""
        sid, round_, pid, agent, message_id, request_id, index, kind, _ = self.block
        fact = BlockDelta(
            sid=sid,
            time=self.time,
            pid=pid,
            round=round_,
            agent=agent,
            local=self.local,
            message_id=message_id,
            request_id=request_id,
            index=index,
            kind=kind,
            text=self.text,
            count=self.count,
            last_time=self.last_time,
            last_local=self.last_local,
        )
        return Reading.of(self.event, [fact])


@runtime_checkable
class ManyEvents(Format, Protocol):
    """What a format may offer beside `read` when its producer writes lines by the thousand: the lines of the log are
    then decoded in one go, their data with them."""

    shape: ClassVar[type]
    """What msgspec decodes the data into. Events whose data have another shape are left to `read`."""

    def read_events(
        self, events: Sequence[Event | Shaped[Any] | None], data: Sequence[Any]
    ) -> Sequence[Sequence[Fact] | Piece | None]:
        """What `read` gives for each of the events, whose data are in `data`; None where those are None, because the
        event is somebody else's or its data have another shape. Instead of one `BlockDelta` without a `zone_hint` it
        may give a `Piece`. Raises when `read` raises for one of them: they are then read one by one."""
        ...


class Question(msgspec.Struct, frozen=True):
    """A named query: SQL with `:parameters`, answered read-only."""

    name: str
    sql: str
    about: str
    """One sentence; shown by `--help`."""
    parameters: tuple[str, ...] = ()
    """Names used in the SQL as `:name`; one that is not given is NULL. `now` is filled in with the reader's clock,
    `since` takes points in time."""
    arguments: tuple[str, ...] = ()
    """Those of the parameters that must be given, in the order in which a command takes them."""
    defaults: dict[str, str | int | float] = {}
    """Values of parameters that are not given."""
    choices: dict[str, tuple[str, ...]] = {}
    """All that a parameter may be; anything else is refused."""


class Projection:
    """Folds readings into one SQLite file that it owns. Subclass it; see the module's example."""

    name: ClassVar[str]
    """Also the name of the folder and of the entry point: lower-case letters, digits and `_`."""
    version: ClassVar[int]
    """Raised when the tables or the fold change: the engine then rebuilds beside the old generation."""
    variant: ClassVar[str] = ""
    """Names what else the rows are made from: a hash of rules that a person can edit, say. The rows of another variant
    are outdated like those of another version, so a rebuild sees exactly what living saw (law L5)."""
    schema: ClassVar[Sequence[str]] = ()
    """CREATE statements, run once on an empty database. Triggers and FTS tables are fine."""
    late_schema: ClassVar[Sequence[str]] = ()
    """Statements that a rebuild runs at its end (secondary indexes, FTS fill); live databases run them at creation."""
    questions: ClassVar[Sequence[Question]] = ()
    published: ClassVar[bool] = False
    """True: `folder` is also found at `<data>/<name>`, whichever generation answers; a symbolic link."""

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        """`connection` is open on the read model inside the engine's transaction; never commit it.
        `folder` is the generation's own folder for files beside the rows (made on demand)."""
        self.connection = connection
        self.folder = folder

    @classmethod
    def furnished(cls, text: str) -> type[Projection]:
        """The projection as it is with the text of the file that a person set for it (`projections.files`): a subclass
        with another `variant`. Raises ValueError that says what is wrong with the text."""
        raise ValueError(f"the read model {cls.name} takes no file")

    def fold(self, reading: Reading) -> None:
        """Takes one event into memory. An exception makes the event a dead letter; the object is then thrown away."""
        raise AssertionError("a projection defines this")

    def flush(self) -> None:
        """Writes what changed since the last flush through `self.connection`. Called once per batch, before the
        engine writes the position in the same transaction."""
        raise AssertionError("a projection defines this")

    def committed(self) -> None:
        """Called after the transaction is durable: the place for effects that must not run ahead of the rows."""

    def recover(self) -> None:
        """Called once after the read model was opened, before its first batch, in a transaction that is undone: the
        place to cut files beside the rows back to what the rows say of them. Raises `ReadModelDamaged` when they hold
        less than that: the read model is then built again."""

    def close(self) -> None:
        """Called once when the engine lets go of the object. What the open batch did to files is undone here."""


_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def folder_name(id: str, *, taken: bool = False) -> str:
    """A name for the folder or file of an id, whatever stands in it: never a path, at most 100 characters of ASCII.

    An id of letters, digits, `.`, `_` and `-` is its own name. Anything else gets a digest, and so does a plain one
    that differs only in case from another (`taken`: the caller knows), because file systems may fold case."""
    if not taken and _PLAIN.fullmatch(id):
        return id
    digest = sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{re.sub(r'[^A-Za-z0-9]', '_', id[:40], flags=re.ASCII)}~{digest}"
