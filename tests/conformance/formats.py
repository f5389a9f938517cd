"""What every format must pass, whoever wrote it. Subclass `FormatConformance`, name the format and give samples.

    class TestSseLines(FormatConformance):
        format = SseLines()
        samples = lines_of("sse_lines")

It checks what ingest and the projector rely on: any bytes can be shown to a format; what it recognises once it always
recognises alike, and reads, or refuses with an error that makes a dead letter; facts survive the way to a process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.event import Event, Lines, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.limits import ID_CHARS
from eventsrc.log import codec
from eventsrc.log.draft import draft
from eventsrc.log.plain import is_plain
from eventsrc.plugin import Envelope, Fact, Format, ManyLines, Piece, Reading, domain, parse_time

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
SOURCE = "file:///home/dev/log.jsonl"
_REFUSALS = (ValueError, msgspec.DecodeError)
_quickly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def lines_of(name: str) -> list[bytes]:
    """All records of a folder of the corpus, those of the damaged files among them."""
    paths = sorted((CORPUS / name).rglob("*.jsonl"))
    assert paths, f"no records in {CORPUS / name}"
    return [line for path in paths for line in path.read_bytes().split(b"\n") if line]


def record_of(data: bytes, *, source: str = SOURCE, id_: str = "f:1:0") -> Record:
    """A record as a file source hands it over."""
    return Record(source, data, id_)


def line_of(record: Record, envelope: Envelope, *, position: int = 1, recorded: str | None = None) -> bytes:
    """The record as a line of the log, with its line feed."""
    stamp = recorded or "2026-01-10T10:00:00.000000Z"
    made = draft(record, envelope)
    pieces, _ = codec.encode([made.head], [made.data], [1], position, stamp)
    return b"".join(pieces)


def event_of(record: Record, envelope: Envelope, *, position: int = 1, recorded: str | None = None) -> Event:
    """The record as it comes back out of the log: through the log's own codec."""
    return codec.decode(line_of(record, envelope, position=position, recorded=recorded))


def facts_in(one: Format, data: bytes, source: str = SOURCE) -> list[Fact] | None:
    """What a record means; None when it is not of this format."""
    record = record_of(data, source=source)
    envelope = one.recognise(record)
    return None if envelope is None else list(one.read(event_of(record, envelope)))


def told(one: Format, data: bytes, source: str = SOURCE, offset: int = 0) -> str:
    """A record's envelope and facts as lines that a person can check: only what differs from the defaults."""
    record = record_of(data, source=source, id_=f"f:1:{offset}")
    envelope = one.recognise(record)
    if envelope is None:
        return "not recognised\n"
    lines = [" ".join(filter(None, (envelope.type, envelope.subject, envelope.time)))]
    try:
        facts = one.read(event_of(record, envelope))
    except _REFUSALS as error:
        return f"{lines[0]}\n  refused: {type(error).__name__}\n"
    lines += [f"  {type(fact).__name__} {msgspec.json.encode(_said(fact)).decode()}" for fact in facts]
    return "\n".join(lines) + "\n"


def _said(fact: Fact) -> dict[str, Any]:
    said = {}
    for field in msgspec.structs.fields(fact):
        value = getattr(fact, field.name)
        default = {} if field.default_factory is not msgspec.NODEFAULT else field.default
        if value != default:
            said[field.name] = value
    return said


class FormatConformance:
    """The suite. `samples` are records of the format, whole and damaged."""

    format: ClassVar[Format]
    samples: ClassVar[Sequence[bytes]]
    source: ClassVar[str] = SOURCE
    """Where the samples are said to be from, for formats that read file names."""

    def test_it_is_a_format(self) -> None:
        assert isinstance(self.format, Format)
        assert self.format.name.isidentifier() and self.format.name.islower()
        assert self.format.version >= 1
        assert self.format.types and all(prefix.endswith(".") for prefix in self.format.types)

    def test_it_recognises_most_of_its_samples(self) -> None:
        found = [
            data for data in self.samples if self.format.recognise(record_of(data, source=self.source)) is not None
        ]
        assert len(found) > len(self.samples) / 2

    def test_an_envelope_can_stand_in_the_log_and_leads_back_to_the_format(self) -> None:
        for data in self.samples:
            envelope = self.format.recognise(record_of(data, source=self.source))
            if envelope is not None:
                assert envelope.type.startswith(self.format.types)
                assert envelope.subject
                assert len(envelope.type) <= ID_CHARS and len(envelope.subject) <= ID_CHARS
                assert envelope.time is None or parse_time(envelope.time) is not None

    def test_recognising_is_deterministic_in_any_order(self) -> None:
        forwards = [self.format.recognise(record_of(data, source=self.source)) for data in self.samples]
        backwards = [self.format.recognise(record_of(data, source=self.source)) for data in reversed(self.samples)]
        assert forwards == backwards[::-1]

    def test_many_lines_are_recognised_as_each_of_them_is(self) -> None:
        many = self.format if isinstance(self.format, ManyLines) else None
        records = [record_of(data, source=self.source) for data in self.samples if is_plain(data)]

        @_quickly
        @given(st.lists(st.sampled_from(records), min_size=1, max_size=8))
        def holds(some: list[Record]) -> None:
            assert many is not None
            lines = b"\n".join(record.data for record in some)
            assert list(many.recognise_lines(some, lines)) == [self.format.recognise(record) for record in some]

        if many is not None:
            holds()

    def test_reading_is_deterministic_or_refused_with_an_error_that_names_the_data(self) -> None:
        for data in self.samples:
            assert told(self.format, data, self.source) == told(self.format, data, self.source)

    def test_many_events_mean_what_each_of_them_means(self) -> None:
        """Twice, because what is remembered of the first time may open a shorter way; and among events of others."""
        formats = Formats([self.format])
        recognised = [(record, self.format.recognise(record)) for record in map(self._record, self.samples)]
        stranger = Envelope("stranger.x", "stranger/x")
        given = [(record, envelope or stranger) for record, envelope in recognised]
        events, lines = [], []
        for position, (record, envelope) in enumerate(given, 1):
            line = line_of(record, envelope, position=position)
            try:
                formats.read(codec.decode(line))
            except _REFUSALS:
                continue
            events.append(codec.decode(line))
            lines.append(line)
        for _ in range(2):
            together = formats.read_events(Lines(lines, codec.events_in))
            assert [one.reading if isinstance(one, Piece) else one for one in together] == [
                formats.read(event) for event in events
            ]

    def test_facts_survive_the_way_to_another_process(self) -> None:
        for data in self.samples:
            for reading in self._readings([data]):
                encoded = msgspec.msgpack.encode(reading)
                assert msgspec.msgpack.decode(encoded, type=Reading) == reading

    def test_every_fact_can_be_stored_as_text(self) -> None:
        for reading in self._readings(self.samples):
            for fact in reading.facts:
                assert type(fact) in domain.Fact.__args__
                for value in _texts(fact):
                    value.encode()

    def test_no_bytes_whatever_make_it_raise(self) -> None:
        @_quickly
        @given(st.binary(max_size=200))
        def holds(data: bytes) -> None:
            _try(self, data)

        holds()

    def test_no_cut_and_no_changed_byte_of_a_sample_makes_it_raise(self) -> None:
        @_quickly
        @given(st.sampled_from(list(self.samples)), st.floats(0, 1), st.binary(max_size=3), st.integers(0, 4))
        def holds(sample: bytes, part: float, change: bytes, removed: int) -> None:
            place = int(part * len(sample))
            _try(self, sample[:place])
            _try(self, sample[:place] + change + sample[place + removed :])

        holds()

    def test_deep_nesting_does_not_break_it(self) -> None:
        for data in (b"[" * 20_000, b'{"a":' * 20_000, b'{"event":' * 20_000 + b'"line":'):
            _try(self, data)

    def _record(self, data: bytes) -> Record:
        return record_of(data, source=self.source)

    def _readings(self, samples: Iterable[bytes]) -> list[Reading]:
        readings = []
        for data in samples:
            try:
                facts = facts_in(self.format, data, self.source)
            except _REFUSALS:
                continue
            if facts is not None:
                readings.append(Reading(1, "f:1:0", "t", "file:///x", facts))
        return readings


def _texts(value: object) -> Iterable[str]:
    return [text for text in msgspec.structs.astuple(value) if isinstance(text, str)]  # type: ignore[arg-type]


def _try(suite: FormatConformance, data: bytes) -> None:
    try:
        facts_in(suite.format, data, suite.source)
    except _REFUSALS:
        pass
