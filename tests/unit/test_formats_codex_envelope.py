"""Many lines of a rollout at once, or of a file that is named like none, are recognised as each of them is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.event import Record
from eventsrc.formats import codex_envelope
from eventsrc.formats.codex import Codex

LINE = {"timestamp": "2026-01-10T10:00:00.000Z", "type": "event_msg", "payload": {"type": "token_count"}}
_ABSENT = object()
_DETAILS: list[Any] = ["error", "e rror", "x" * 70, "", None, 7, {}]
_VALUES: dict[str, list[Any]] = {
    "type": ["turn_context", "new_thing", "a thing with blanks", "x" * 70, "", None, 7, [], _ABSENT],
    "payload": [*({"type": detail} for detail in _DETAILS), {}, None, [], "text", 7, _ABSENT],
    "timestamp": ["2026-01-10T10:00:59.999Z", "yesterday", None, 1768039200123, [], _ABSENT],
}
_CHANGES = [(name, value) for name, values in _VALUES.items() for value in values]
_LINES = st.lists(st.lists(st.sampled_from(_CHANGES), max_size=2), min_size=1, max_size=12)


@pytest.mark.parametrize("name", ["rollout-2026-01-10T10-00-00-019f0000-0000-7000-8000-000000000001", "log", ""])
@given(changes=_LINES)
def test_many_lines_are_recognised_as_each_of_them_is(name: str, changes: list[list[tuple[str, Any]]]) -> None:
    lines = [LINE | dict(change) for change in changes]
    data = [json.dumps({key: value for key, value in line.items() if value is not _ABSENT}).encode() for line in lines]
    records = [Record(f"file:///home/dev/{name}.jsonl", line, "f:1:0") for line in data]
    alone = [Codex().recognise(record) for record in records]
    for many in (records, records[::-1]):  # in both orders, because types are remembered
        found = Codex().recognise_lines(many, b"\n".join(record.data for record in many))
        assert found == alone[:: 1 if many is records else -1]
        for record, envelope in zip(many, found, strict=True):
            assert Codex().recognise_lines([record], record.data) == [envelope]


def test_only_what_is_part_of_a_type_is_remembered() -> None:
    long = "x" * 70
    for kind, detail in ((long, None), ("event_msg", long), ("new_thing", long)):
        data = json.dumps({"type": kind, "payload": {"type": detail}}).encode()
        assert Codex().recognise_lines([Record("file:///rollout-x.jsonl", data, "f:1:0")], data)
    assert not any(long in (kind or "", detail or "") for kind, detail in codex_envelope._types)
