"""The catalogue: which formats there are, who is asked, and what happens to records that nobody knows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsrc.errors import BrokenLine, FormatConflict
from eventsrc.event import Lines
from eventsrc.formats.catalogue import RECORD_TYPE, Formats, subject_of
from eventsrc.formats.shaped import decode_lines_of, shaped
from eventsrc.formats.sse_lines import SseLines
from eventsrc.limits import ID_CHARS
from eventsrc.log import plain
from eventsrc.log.codec import decode, events_in
from eventsrc.plugin import Activity, Envelope, Event, Fact, Piece, Reading, Record, Shaped, Unknown
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from tests.conformance.formats import event_of, line_of, lines_of, record_of

STRANGE = b'{"nobody": "knows this"}'


class Letters:
    """A format of one letter: records that begin with it."""

    name: ClassVar[str] = "letters"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = ("letters.",)

    def __init__(self, name: str = "letters", letter: bytes = b"", types: tuple[str, ...] = ()) -> None:
        self.name = name  # type: ignore[misc]
        self.types = types or (f"{name}.",)  # type: ignore[misc]
        self.letter = letter or name[:1].encode()
        self.asked = 0

    def recognise(self, record: Record) -> Envelope | None:
        self.asked += 1
        return Envelope(f"{self.types[0]}x", "stream/x") if record.data.startswith(self.letter) else None

    def read(self, event: Event) -> Sequence[Fact]:
        if event.raw.endswith(b"!"):
            raise ValueError("contradicts its type")
        return (Unknown(what="x"),) if event.raw.endswith(b"?") else (Activity(what="x"),)


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "eventsrc.formats")


def read(formats: Formats, data: bytes) -> tuple[list[Fact], str | None]:
    record = record_of(data)
    reading = formats.read(event_of(record, formats.recognise(record), position=7))
    assert (reading.position, reading.id, reading.source) == (7, record.id, record.source)
    return reading.facts, reading.raw


def test_the_formats_of_the_package_are_found_in_the_order_of_their_names() -> None:
    formats = Formats.load([point("z", "eventsrc.formats.sse_lines:SseLines"), point("a", f"{__name__}:Letters")])
    assert [one.name for one in formats.formats] == ["letters", "sse_lines"]
    assert formats.missing == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no.such.module:Format", "ModuleNotFoundError"),
        ("eventsrc.formats.sse_lines:NoSuchName", "AttributeError"),
        (f"{__name__}:STRANGE", "TypeError"),
        (f"{__name__}:read", "TypeError"),
        ("builtins:dict", "lacks"),
    ],
)
def test_a_format_that_cannot_be_used_is_named_and_the_others_go_on(value: str, reason: str) -> None:
    formats = Formats.load([point("broken", value), point("sse_lines", "eventsrc.formats.sse_lines:SseLines")])
    (missing,) = formats.missing
    assert (missing.name, missing.where) == ("broken", value)
    assert reason in missing.reason
    assert [one.name for one in formats.formats] == ["sse_lines"]


@pytest.mark.parametrize("types", [("claude.",), ("claude.content.",), ("c",)])
def test_two_formats_that_claim_one_event_type_are_an_error(types: tuple[str, ...]) -> None:
    with pytest.raises(FormatConflict, match="letters") as caught:
        Formats([SseLines(), Letters(types=types)])
    assert caught.value.claim.startswith("event types c")


def test_two_formats_of_one_name_are_an_error() -> None:
    with pytest.raises(FormatConflict, match="the name 'letters'"):
        Formats([Letters(types=("a.",)), Letters(types=("b.",))])


def test_the_format_that_matched_last_is_asked_first() -> None:
    first, second = Letters("a"), Letters("b")
    formats = Formats([second, first])
    for _ in range(5):
        assert formats.recognise(record_of(b"bbb")).type == "b.x"
    assert (first.asked, second.asked) == (1, 5)
    assert formats.recognise(record_of(b"abc")).type == "a.x"
    assert formats.recognise(record_of(b"abc", source="file:///other")).type == "a.x"


def test_the_envelope_of_the_producer_is_believed() -> None:
    letters = Letters("a")
    given = Envelope("custom.type", "stream/given", "2026-01-10T10:00:00Z")
    record = Record("urn:x", b"abc", "1", envelope=given)
    assert Formats([letters]).recognise(record) is given
    assert letters.asked == 0


@pytest.mark.parametrize("data", [STRANGE, b"not JSON", b"", b"\x00\xff\xfe", b'"text"', b"[1]", b"[" * 5_000])
def test_a_record_of_no_known_format_is_recorded_as_it_is(data: bytes) -> None:
    formats = Formats([SseLines()])
    assert formats.recognise(record_of(data)) == Envelope(RECORD_TYPE, "source//home/dev/log.jsonl")
    assert read(formats, data) == ([], data.decode("utf-8", "replace"))


def test_the_stream_of_a_source_is_never_too_long_and_never_shared() -> None:
    assert subject_of("urn:eventsrc:http") == "source/urn:eventsrc:http"
    long = ["file:///" + letter * ID_CHARS for letter in "ab"]
    subjects = {subject_of(source) for source in long}
    assert len(subjects) == 2
    assert all(len(subject) <= ID_CHARS for subject in subjects)


def test_a_type_that_nobody_reads_any_more_has_no_facts_and_its_text() -> None:
    data = lines_of("sse_lines")[0]
    record = record_of(data)
    event = event_of(record, Formats([SseLines()]).recognise(record))
    reading = Formats([]).read(event)
    assert (reading.facts, reading.raw) == ([], data.decode())


def test_the_text_comes_along_only_where_it_is_needed() -> None:
    formats = Formats([Letters("a")])
    assert read(formats, b"abc") == ([Activity(what="x")], None)
    assert read(formats, b"abc?") == ([Unknown(what="x")], "abc?")


def test_what_contradicts_its_type_is_left_to_the_projector() -> None:
    with pytest.raises(ValueError, match="contradicts"):
        read(Formats([Letters("a")]), b"abc!")


def test_the_installed_formats_load() -> None:
    formats = Formats.load()
    assert "sse_lines" in [one.name for one in formats.formats]


def test_many_lines_are_recognised_as_each_of_them_is() -> None:
    """Also where a file holds lines of several formats, and of none."""
    sse, claude = list(generate_sse_lines(60)), list(generate_transcript(60))
    strange = [b'{"a":1}', b"[]", b"3", b'"text"', b'{"line":1}', b'{"type":"user"}', b'{"event":"claude.x","line":""}']
    for lines in (sse, claude, [*sse, *strange], [*claude, *strange, *sse], strange):
        records = [Record("file:///a.jsonl", line, str(number)) for number, line in enumerate(lines)]
        joined = plain.lines_of(lines)
        assert joined is not None
        for first in (sse[0], claude[0], strange[0]):  # which format the source is taken for
            formats = Formats.load()
            formats.recognise(Record("file:///a.jsonl", first, "first"))
            found = formats.recognise_lines(records, joined)
            assert found == [Formats.load().recognise(record) for record in records]
        assert Formats.load().recognise_lines(records, joined) == found
    assert Formats.load().recognise_lines([], b"") == []


def log_lines(records: Sequence[bytes]) -> list[bytes]:
    formats = Formats.load()
    found = [record_of(data) for data in records]
    return [line_of(one, formats.recognise(one), position=position) for position, one in enumerate(found, 1)]


def together(lines: Sequence[bytes]) -> list[Reading]:
    """What many lines mean, read twice: what is remembered of the first time may open a shorter way."""
    formats, events = Formats.load(), Lines(list(lines), events_in)
    formats.read_events(events)
    return [one.reading if isinstance(one, Piece) else one for one in formats.read_events(events)]


ODD = [
    b'{"event":"claude.ping","line":"data: {}","sid":7}',
    b'{"event":"claude.ping","line":"data: {}","sid":"s","round":[1]}',
    b'{"event":"claude.nobody_knows_this","line":"data: {}","sid":"s"}',
    b'{"event":"claude.content_block_delta","line":"data: {","sid":"0199a1b2-0000-7000-8000-000000000001"}',
    b'{"event":"claude.content_block_delta","line":"data: {}{}","sid":"0199a1b2-0000-7000-8000-000000000001"}',
    b"not JSON",
    b"\xff\xfe",
    b"null",
    b"[1, 2]",
    STRANGE,
    *list(generate_transcript(10)),
    *lines_of("sse_lines"),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*ODD, *generate_sse_lines(120, seed=4)]), max_size=40))
def test_many_lines_of_the_log_are_read_as_each_of_them_is(records: list[bytes]) -> None:
    formats, readable = Formats.load(), []
    for line in log_lines(records):
        with contextlib.suppress(ValueError):
            readable.append((line, formats.read(decode(line))))
    assert together([line for line, _ in readable]) == [reading for _, reading in readable]


def test_one_event_that_contradicts_its_type_is_left_to_the_projector() -> None:
    good = list(generate_sse_lines(20, seed=4))
    bad = b'{"event":"claude.content_block_delta","line":"data: {\\"payload\\":{\\"index\\":\\"x\\"}}","sid":"s"}'
    with pytest.raises(ValueError, match="Expected"):
        together(log_lines([*good, bad]))


def test_lines_are_decoded_in_one_call_unless_one_of_them_is_odd() -> None:
    calls: list[int] = []
    decode_lines = decode_lines_of(SseLines())

    def counted(data: bytes) -> list[Shaped[Any]]:
        calls.append(data.count(b"\n"))
        return decode_lines(data)

    lines = log_lines(list(generate_sse_lines(64, seed=4)))
    assert None not in shaped(counted, lines)
    assert calls == [64]
    calls.clear()
    lines[9] = log_lines([ODD[0]])[0]
    assert [place for place, one in enumerate(shaped(counted, lines)) if one is None] == [9]
    assert sum(calls) <= 3 * 64
    assert shaped(counted, []) == []


def test_a_line_that_is_no_event_is_found_by_whoever_reads_it() -> None:
    lines = log_lines(list(generate_sse_lines(4, seed=4)))
    lines[2] = lines[2].replace(b'"revision":1,', b'"revision":"1",')
    with pytest.raises(BrokenLine):
        together(lines)
