"""Many values at once are judged like one at a time, and become the same drafts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.event import Envelope, Record
from eventsrc.log.codec import decode, encode
from eventsrc.log.draft import draft, drafts
from eventsrc.log.plain import is_plain, lines_of
from tests.unit.test_log_raw import STRANGE

PLAIN = [b'{"a":1}', b"1", b'"\xc3\xa9"', b"[]", b'{"a":{"b":[1,2]}}', b"null"]
PIECES = [*STRANGE.values(), b'{"a":', b"1}", b"{", b"}", b"[1", b"2]", b'{"a":1},{"b":2}', b"1,2", b' "x"', b'"x" ']


@given(st.lists(st.sampled_from(PLAIN) | st.sampled_from(PIECES) | st.binary(max_size=6), max_size=6))
def test_lines_are_joined_only_when_each_is_plain(values: list[bytes]) -> None:
    lines = lines_of(values)
    assert (lines is not None) == all(map(is_plain, values))
    assert lines is None or lines.split(b"\n") == (values or [b""])


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([b'{"a":1}{"b":2}', b'{"a":', b"1}"], id="two on one line, one on two"),
        pytest.param([b"1 2", b"[", b"]"], id="counts agree"),
        pytest.param([b'{"a":1}\n{"b":2}'], id="a line feed between"),
        pytest.param([b"[" * 300 + b"]" * 300, b"1"], id="deep"),
        pytest.param([b'{"a":' * 300 + b"1" + b"}" * 300, b"1"], id="deep without arrays"),
        pytest.param([b"", b"1"], id="empty"),
    ],
)
def test_damage_that_adds_up_is_not_overlooked(values: list[bytes]) -> None:
    assert lines_of(values) is None


@given(
    st.lists(
        st.builds(
            Record,
            source=st.sampled_from(["urn:a", "file:///é"]),
            data=st.sampled_from(PLAIN),
            id=st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()),
            cursor=st.none() | st.just("file 12"),
            unique=st.booleans(),
            extensions=st.none() | st.just({"topic": "x"}),
        ),
        max_size=5,
    ),
    st.sampled_from([Envelope("t", "s/1"), Envelope("t", "s/2", "2026-01-01T00:00:00Z")]),
)
def test_drafts_are_the_same_one_by_one(records: list[Record], envelope: Envelope) -> None:
    assert drafts(records, [envelope] * len(records)) == [draft(record, envelope) for record in records]


@pytest.mark.parametrize("first", [1, 9, 95, 10**9 - 3, 10**19 - 2])
def test_positions_have_their_width_wherever_digits_are_added(first: int) -> None:
    items = drafts([Record("urn:a", b"1", str(number)) for number in range(8)], [Envelope("t", "s")] * 8)
    revisions: dict[str, int] = {}
    pieces, checksum = encode(items, first, "2026-01-01T00:00:00Z", revisions, lambda _: 7)
    events = [decode(line) for line in b"".join(pieces).splitlines()]
    assert [event.sequence for event in events] == [f"{first + number:020d}" for number in range(8)]
    assert [event.revision for event in events] == list(range(8, 16)) and revisions == {"s": 15}
    assert events[-1].crc32 == f"{checksum:08x}"


def test_streams_that_take_turns_are_counted_apart() -> None:
    envelopes = [Envelope("t", subject) for subject in "abab"]
    items = drafts([Record("urn:a", b"1", str(number)) for number in range(4)], envelopes)
    revisions: dict[str, int] = {}
    pieces, _ = encode(items, 1, "2026-01-01T00:00:00Z", revisions, {"a": 10, "b": 0}.__getitem__)
    assert [decode(line).revision for line in b"".join(pieces).splitlines()] == [11, 1, 12, 2]
    assert revisions == {"a": 12, "b": 2}
