"""The read model gives the same rows however its batches are cut, and whatever comes twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import given as tried_with
from hypothesis import strategies as st

from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.plugin import Reading
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.rows import Block
from tests.conformance.formats import event_of

Dump: TypeAlias = dict[str, list[tuple[Any, ...]]]
SIZES = st.lists(st.integers(min_value=1, max_value=90), max_size=12)
quickly = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def readings(lines: list[bytes], *, source: str) -> list[Reading]:
    formats = Formats.load()
    found = []
    for number, line in enumerate(lines, 1):
        record = Record(source, line, str(number))
        event = event_of(record, formats.recognise(record), position=number)
        found.append(msgspec.structs.replace(formats.read(event), id=f"{source}:{number}"))
    return found


STREAMS = readings(list(generate_sse_lines(350, seed=3)), source="file:///sse.jsonl")
TRANSCRIPT = readings(list(generate_transcript(120, seed=5)), source="file:///transcript.jsonl")


def dump_of(folder: Path, events: list[Reading], *, sizes: list[int], forget: bool = False) -> Dump:
    with Given(Agents, folder) as given:
        return given.readings(events, batches=sizes, forget=forget).dump()


WHOLE: dict[str, Dump] = {}


def whole(folder: Path, name: str, events: list[Reading]) -> Dump:
    """The rows after one batch, folded once."""
    if name not in WHOLE:
        WHOLE[name] = dump_of(folder, events, sizes=[])
    return WHOLE[name]


@quickly
@tried_with(sizes=SIZES)
def test_streams_may_be_cut_anywhere_and_the_object_thrown_away(tmp_path: Path, sizes: list[int]) -> None:
    expected = whole(tmp_path, "streams", STREAMS)
    assert dump_of(tmp_path, STREAMS, sizes=sizes) == expected
    assert dump_of(tmp_path, STREAMS, sizes=sizes, forget=True) == expected


@quickly
@tried_with(sizes=SIZES)
def test_transcripts_may_be_cut_anywhere_and_the_object_thrown_away(tmp_path: Path, sizes: list[int]) -> None:
    expected = whole(tmp_path, "transcript", TRANSCRIPT)
    assert dump_of(tmp_path, TRANSCRIPT, sizes=sizes) == expected
    assert dump_of(tmp_path, TRANSCRIPT, sizes=sizes, forget=True) == expected


def test_every_event_in_a_batch_of_its_own_gives_the_same_rows(tmp_path: Path) -> None:
    for name, events in (("streams", STREAMS), ("transcript", TRANSCRIPT)):
        singly = [1] * len(events)
        assert dump_of(tmp_path, events, sizes=singly, forget=True) == whole(tmp_path, name, events)


def test_a_transcript_that_comes_twice_changes_nothing(tmp_path: Path) -> None:
    once = whole(tmp_path, "transcript", TRANSCRIPT)
    assert dump_of(tmp_path, TRANSCRIPT * 2, sizes=[len(TRANSCRIPT)], forget=True) == once


def test_a_stream_that_comes_twice_changes_nothing_that_is_shown(tmp_path: Path) -> None:
    once = shown(whole(tmp_path, "streams", STREAMS))
    assert shown(dump_of(tmp_path, STREAMS * 2, sizes=[len(STREAMS)], forget=True)) == once


def shown(dump: Dump) -> Dump:
    """Without the mark of how much of a block came once more: blocks that never end keep it."""
    mark = Block.__struct_fields__.index("replayed")
    return {**dump, "content_blocks": [row[:mark] + row[mark + 1 :] for row in dump["content_blocks"]]}
