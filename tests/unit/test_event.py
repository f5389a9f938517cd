"""The values that travel through eventsrc."""

from __future__ import annotations

import msgspec

from eventsrc import domain
from eventsrc.event import Appended


def test_a_fact_survives_the_way_between_two_processes() -> None:
    fact = domain.BlockDelta(sid="s", index=1, kind="text", text="é\u2028", time=1.5)
    there = msgspec.msgpack.encode([fact, domain.Activity(sid="s", what="x")])
    assert msgspec.msgpack.decode(there, type=list[domain.Fact]) == [fact, domain.Activity(sid="s", what="x")]


def test_appended_names_the_first_and_the_last_position() -> None:
    assert (Appended((4, 5, 6)).first, Appended((4, 5, 6)).last) == (4, 6)
    assert Appended(()).first is None


async def test_async_tests_run_without_a_marker() -> None:
    assert True
