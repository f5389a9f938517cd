"""Many drafts made at once are what they would be one by one, and stay together in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.errors import Rejected
from eventsrc.event import Draft, Envelope, Record
from eventsrc.log import drafting
from eventsrc.log.codec import decode, encode
from eventsrc.log.draft import draft
from eventsrc.log.drafting import drafted
from eventsrc.log.drafts import Claim, Drafts, in_columns
from eventsrc.log.revisions import Revisions
from tests.kit.log import note

SOURCES = ["urn:a", "file:///\u00e9", "100%d", ""]
IDS = [*"abc", "", 'x",', 'a","b', "a\\", '"', "%b", "\n", "\u2028", "\ud800", ",", '","']
TIMES = [None, "2026-01-01T00:00:00Z", 'odd"time', "\udfff"]
DATA = st.sampled_from([b'{"a":1}', b"1"])
USUAL = st.builds(Record, source=st.just("urn:a%d"), data=DATA, id=st.text("abc0/%", min_size=1))
QUOTED = st.builds(Record, source=st.just("urn:a"), data=DATA, id=st.sampled_from([one for one in IDS if one]))
CLAIMED = st.builds(
    Record, source=st.just("urn:a%d"), data=DATA, id=st.text("abc0/%", min_size=1), unique=st.just(True)
)
ODD = st.builds(
    Record,
    source=st.sampled_from(SOURCES),
    data=st.sampled_from([b'{"a":1}', b"[]", b'"%b"']),
    id=st.sampled_from(IDS) | st.text(max_size=4),
    cursor=st.none() | st.sampled_from(["file 12", 'other "x"']),
    content_type=st.sampled_from(["application/json", "text/x%s"]),
    unique=st.booleans(),
    extensions=st.none() | st.sampled_from([{"topic": "x"}, {"Bad": 1}, {"id": "x"}]),
)
ENVELOPES = st.builds(
    Envelope, st.sampled_from(["t", "t%b", ""]), st.sampled_from(["s/1", "s/2", ""]), st.sampled_from(TIMES)
)
GOOD = st.builds(Envelope, st.sampled_from(["t", "t%b"]), st.sampled_from(["s/1", "s/%d"]), st.sampled_from(TIMES[:3]))


def one_by_one(records: list[Record], envelopes: list[Envelope]) -> Drafts | str:
    try:
        return in_columns(map(draft, records, envelopes))
    except Rejected as error:
        return str(error)


def at_once(records: list[Record], envelopes: list[Envelope]) -> Drafts | str:
    try:
        return drafted(records, envelopes)
    except Rejected as error:
        return str(error)


def paired(
    records: st.SearchStrategy[Record], envelopes: st.SearchStrategy[Envelope]
) -> st.SearchStrategy[list[tuple[Record, Envelope]]]:
    return st.lists(st.tuples(records, envelopes), max_size=8) | st.builds(
        lambda many, one: [(record, one) for record in many], st.lists(records, max_size=8), envelopes
    )


@given(paired(USUAL, GOOD) | paired(CLAIMED, GOOD) | paired(USUAL | QUOTED, GOOD))
def test_usual_records_become_the_same_drafts(pairs: list[tuple[Record, Envelope]]) -> None:
    records, envelopes = [record for record, _ in pairs], [envelope for _, envelope in pairs]
    assert at_once(records, envelopes) == one_by_one(records, envelopes)


@given(paired(USUAL | ODD, GOOD | ENVELOPES) | paired(CLAIMED | ODD, GOOD))
def test_odd_records_among_them_become_the_same_or_are_refused_for_the_same_reason(
    pairs: list[tuple[Record, Envelope]],
) -> None:
    records, envelopes = [record for record, _ in pairs], [envelope for _, envelope in pairs]
    assert at_once(records, envelopes) == one_by_one(records, envelopes)


def test_a_cursor_at_the_end_of_a_batch_does_not_make_it_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch of a file ends with one: drafting each of its records alone would cost five times as much."""
    made: list[str] = []

    def counted(record: Record, envelope: Envelope) -> Draft:
        made.append(record.id)
        return draft(record, envelope)

    monkeypatch.setattr(drafting, "draft", counted)
    records = [Record("urn:a", b"1", str(number)) for number in range(99)] + [Record("urn:a", b"1", "z", "file 9")]
    envelopes = [Envelope("t", f"s/{number % 3}", f"2026-01-01T00:00:{number % 60:02}Z") for number in range(100)]
    assert drafted(records, envelopes).cursors == [(99, "file 9")]
    assert made == ["z"]


def test_what_is_there_already_is_taken_out_of_every_column() -> None:
    drafts = in_columns(note(number, subject=f"s/{number}", unique=number % 2 == 0) for number in range(5))
    left = drafts.without({0, 3})
    assert (left.heads, left.data) == ([drafts.heads[n] for n in (1, 2, 4)], [drafts.data[n] for n in (1, 2, 4)])
    assert left.subjects == ["s/1", "s/2", "s/4"]
    assert left.cursors == [(0, "file 1"), (1, "file 2"), (2, "file 4")]
    assert not left.claims, "they are settled"
    assert [type(claim) for claim in drafts.claims] == [Claim] * 3


@pytest.mark.parametrize("first", [1, 9, 95, 10**9 - 3, 10**19 - 2])
def test_positions_have_their_width_wherever_digits_are_added(first: int) -> None:
    items = drafted([Record("urn:a", b"1", str(number)) for number in range(8)], [Envelope("t", "s")] * 8)
    pieces, checksum = encode(items.heads, items.data, range(8, 16), first, "2026-01-01T00:00:00Z")
    events = [decode(line) for line in b"".join(pieces).splitlines()]
    assert [event.sequence for event in events] == [f"{first + number:020d}" for number in range(8)]
    assert [event.revision for event in events] == list(range(8, 16))
    assert events[-1].crc32 == f"{checksum:08x}"


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6) | st.lists(st.just("a"), max_size=6), max_size=4))
def test_streams_are_counted_apart_however_they_take_turns(batches: list[list[str]]) -> None:
    asked: list[str] = []
    known = {"a": 10, "b": 0, "c": 5}

    def ask(subject: str) -> int:
        asked.append(subject)
        return known[subject]

    revisions, last = Revisions(ask), dict(known)
    for subjects in batches:
        for subject, number in zip(subjects, revisions.number(subjects), strict=True):
            assert number == last[subject] + 1
            last[subject] = number
    touched = {subject for subjects in batches for subject in subjects}
    assert revisions.last == {subject: last[subject] for subject in touched}
    assert sorted(asked) == sorted(touched), "the log is asked once for each"
    assert {subject: revisions.of(subject) for subject in last} == last
