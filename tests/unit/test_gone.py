"""Keys that left a memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventsrc.plugin import Gone

keys = st.one_of(st.text(), st.integers(), st.tuples(st.text(), st.integers()))


@given(st.lists(st.lists(keys)))
def test_what_was_added_is_never_denied(parts: list[list[object]]) -> None:
    gone = Gone()
    for part in parts:
        gone.add(part)
    assert all(key in gone for part in parts for key in part)


def test_what_was_not_added_is_denied_nearly_always() -> None:
    gone = Gone()
    assert "anything" not in gone
    gone.add(f"msg_{number}" for number in range(100_000))
    assert sum(f"req_{number}" in gone for number in range(10_000)) < 100
