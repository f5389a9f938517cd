"""The formats that are installed, and the way from a record to its envelope and from an event to its meaning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from eventsrc.errors import FormatConflict
from eventsrc.event import Lines
from eventsrc.formats.deltas import join
from eventsrc.formats.shaped import DecodeLines, decode_lines_of, shaped
from eventsrc.limits import ID_CHARS, SOURCE_FILES, TEXT_CACHE
from eventsrc.plugin import (
    Envelope,
    Event,
    Fact,
    Format,
    ManyEvents,
    ManyLines,
    Piece,
    Reading,
    Record,
    Shaped,
    Unknown,
)

__all__ = ["GROUP", "RECORD_TYPE", "Formats", "Missing", "join"]

GROUP = "eventsrc.formats"
RECORD_TYPE = "eventsrc.record"
"""The type of records that no format knows. They are kept as they are; a format that learns to read them later applies
to new records only, because the type of an event never changes."""

# What importing somebody's module and making its class can raise short of a bug in the interpreter. Not `Exception`:
# what is not in here (memory, recursion, our own errors) must not be taken for a plugin that is merely broken.
_LOAD_ERRORS = (ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError, LookupError, OSError)


class Missing(msgspec.Struct, frozen=True):
    """An installed format that cannot be used: its records are recorded, and read as soon as it is mended."""

    name: str
    where: str
    """The entry point's value, e.g. `eventsrc.formats.sse_lines:SseLines`."""
    reason: str


class Formats:
    """All formats, in the order of their names.

    Remembers which format a source used last and which one reads a type; both are bounded and change no answer except
    the order in which formats are asked. Not shared between threads."""

    def __init__(self, formats: Iterable[Format], missing: Sequence[Missing] = ()) -> None:
        """FormatConflict when two formats have one name, or prefixes of event types that overlap."""
        self.formats = tuple(sorted(formats, key=lambda one: one.name))
        self.missing = tuple(missing)
        self._prefixes = _prefixes(self.formats)
        self._many = {one.name: one for one in self.formats if isinstance(one, ManyLines)}  # asking costs 10 µs
        self._asked_last: dict[str, Format] = {}
        self._owners: dict[str, Format | None] = {}
        self._decoders: dict[str, DecodeLines] = {}

    @classmethod
    def load(cls, points: Iterable[EntryPoint] | None = None) -> Formats:
        """The formats that the entry points name (default: all that are installed). What cannot be imported is named
        in `missing` and left out."""
        found: list[Format] = []
        missing: list[Missing] = []
        installed = entry_points(group=GROUP) if points is None else points
        for point in sorted(installed, key=lambda point: (point.name, point.value)):
            try:
                candidate = point.load()()
            except _LOAD_ERRORS as error:
                missing.append(Missing(point.name, point.value, f"{type(error).__name__}: {error}"))
                continue
            if isinstance(candidate, Format):
                found.append(candidate)
            else:
                missing.append(Missing(point.name, point.value, "it lacks a name, version, types, recognise or read"))
        return cls(found, missing)

    def recognise(self, record: Record) -> Envelope:
        """The envelope that the producer gave, that a format reads off the record, or the one of unknown records."""
        if record.envelope is not None:
            return record.envelope
        likely = self._asked_last.get(record.source)
        if likely is not None:
            envelope = likely.recognise(record)
            if envelope is not None:
                return envelope
        for one in self.formats:
            if one is likely:
                continue
            envelope = one.recognise(record)
            if envelope is not None:
                if len(self._asked_last) >= SOURCE_FILES:
                    self._asked_last.clear()
                self._asked_last[record.source] = one
                return envelope
        return Envelope(RECORD_TYPE, subject_of(record.source), record.time)

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> list[Envelope]:
        """The envelopes of records each of which is one JSON value; `lines` is their data joined by line feeds.

        The same as `recognise` for each of them, and cheaper where they come from one source whose format reads many
        lines at once."""
        many = self._asked_for_all(records)
        if many is None:
            return [self.recognise(record) for record in records]
        found = many.recognise_lines(records, lines)
        return [
            self.recognise(record) if envelope is None else envelope
            for record, envelope in zip(records, found, strict=True)
        ]

    def _asked_for_all(self, records: Sequence[Record]) -> ManyLines | None:
        """The format that is asked about all of these records at once, where they have one source; of a source that is
        new, its first record tells."""
        if not records:
            return None
        source = records[0].source
        if [record for record in records if record.envelope is not None or record.source != source]:
            return None
        if source not in self._asked_last:
            self.recognise(records[0])
        likely = self._asked_last.get(source)
        return None if likely is None else self._many.get(likely.name)

    def read(self, event: Event) -> Reading:
        """What an event means. No facts and the raw text where no format knows its type; ValueError or
        msgspec.DecodeError of the format where the data contradicts its type."""
        owner = self._owner(event.type)
        return _nobodys(event) if owner is None else _reading(event, owner.read(event))

    def read_events(self, events: Sequence[Event]) -> list[Reading | Piece]:
        """What each of the events means, for `join`; raises what `read` raises for one of them.

        Lines of the log are decoded together with their data, in the shape of the first one's format: neighbours are
        mostly of one producer."""
        one = self._owner(events[0].type) if isinstance(events, Lines) and events else None
        if not isinstance(events, Lines) or not isinstance(one, ManyEvents):
            return [self.read(event) for event in events]
        found = shaped(self._decode_lines(one), events.lines)
        own = {event_type for event_type in {event.type for event in found if event} if self._owner(event_type) is one}
        data = [event.data if event and event.type in own else None for event in found]
        return [
            meaning if isinstance(meaning, Piece) else _known(event, meaning) or self.read(events[place])
            for place, (event, meaning) in enumerate(zip(found, one.read_events(found, data), strict=True))
        ]

    def _decode_lines(self, one: ManyEvents) -> DecodeLines:
        decode_lines = self._decoders.get(one.name)
        if decode_lines is None:
            decode_lines = self._decoders[one.name] = decode_lines_of(one)
        return decode_lines

    def _owner(self, event_type: str) -> Format | None:
        """Whose events of this type are; None when nobody reads them."""
        try:
            return self._owners[event_type]
        except KeyError:
            owners = (owner for prefix, owner in self._prefixes if event_type.startswith(prefix))
            if len(self._owners) >= TEXT_CACHE:
                self._owners.clear()
            owner = self._owners[event_type] = next(owners, None)
            return owner


def _known(event: Event | Shaped[Any] | None, facts: Sequence[Fact] | None) -> Reading | None:
    """The reading of an event that was read with others; None where it has to be read by itself: it was not, or the
    record's text has to come along."""
    if event is None or facts is None:
        return None
    for fact in facts:
        if type(fact) is Unknown:
            return None
    return Reading.of(event, facts if type(facts) is list else list(facts))


def _reading(event: Event, found: Sequence[Fact]) -> Reading:
    facts = found if type(found) is list else list(found)
    for fact in facts:
        if type(fact) is Unknown:
            return Reading.of(event, facts, _text(event))
    return Reading.of(event, facts)


def _nobodys(event: Event) -> Reading:
    return Reading.of(event, [], _text(event))


def _text(event: Event) -> str:
    return event.raw.decode("utf-8", "replace")


def subject_of(source: str) -> str:
    """The stream of a source's own records: `source/<path>` for files, `source/<source>` for others, and a hash of it
    where that would be longer than a subject may be."""
    subject = f"source/{source.removeprefix('file://')}"
    return subject if len(subject) <= ID_CHARS else f"source/{hashlib.sha256(source.encode()).hexdigest()}"


def _prefixes(formats: Sequence[Format]) -> list[tuple[str, Format]]:
    """Every prefix with its format; FormatConflict when an event could belong to two."""
    claimed: list[tuple[str, Format]] = []
    names: dict[str, Format] = {}
    for one in formats:
        if one.name in names:
            raise FormatConflict(first=_where(names[one.name]), second=_where(one), claim=f"the name {one.name!r}")
        names[one.name] = one
        for prefix in one.types:
            for other, owner in claimed:
                if owner is not one and (prefix.startswith(other) or other.startswith(prefix)):
                    raise FormatConflict(first=owner.name, second=one.name, claim=f"event types {prefix}…")
            claimed.append((prefix, one))
    return claimed


def _where(one: Format) -> str:
    return f"{type(one).__module__}:{type(one).__qualname__}"
