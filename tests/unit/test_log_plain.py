"""Many values at once are judged like one at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.limits import DATA_DEPTH
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


LEVELS = st.lists(st.sampled_from([(b"[", b"]"), (b'{"":', b"}"), (b'{"a b":', b"}")]), min_size=250, max_size=262)


@given(LEVELS, st.sampled_from([b"", b" x" * 100, b" x" * 400]))
def test_no_depth_is_overlooked(levels: list[tuple[bytes, bytes]], text: bytes) -> None:
    """Whatever a value is nested in, and however long it is."""
    opened, closed = zip(*levels, strict=True)
    value = b"".join(opened) + b'"%b"' % text + b"".join(reversed(closed))
    assert is_plain(value) == (len(levels) <= DATA_DEPTH)
    assert (lines_of([b"1", value]) is None) == (len(levels) > DATA_DEPTH)


def test_a_long_list_is_not_taken_for_a_deep_one() -> None:
    """Else one such value would have all that came with it taken one by one."""
    flat = b"[%b]" % b",".join([b'{"a":[]}'] * DATA_DEPTH)
    assert lines_of([b"1", flat]) == b"1\n" + flat
