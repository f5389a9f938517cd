"""The read model passes what every projection must, in the engine that runs it: streams and a transcript in one log."""

from __future__ import annotations

from typing import ClassVar

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import Projection
from eventsrc.projector.feed import Parts
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from projections.agents import Agents
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, ProjectionConformance


def _events() -> list[Event]:
    formats = Formats.load()
    streams = [("file:///sse.jsonl", line) for line in generate_sse_lines(240, seed=11)]
    transcript = [("file:///transcript.jsonl", line) for line in generate_transcript(60, seed=12)]
    mixed = [one for pair in zip(streams[:60], transcript, strict=True) for one in pair] + streams[60:]
    events = []
    for position, (source, line) in enumerate([*mixed, ("file:///other", b'{"nobody": "knows"}')], 1):
        record = Record(source, line, str(position))
        events.append(event_of(record, formats.recognise(record), position=position))
    return events


EVENTS = _events()


class TestAgents(ProjectionConformance):
    projection: ClassVar[type[Projection]] = Agents
    cuts: ClassVar[int] = 2

    def parts(self) -> Parts:
        return ListLog(EVENTS, chunk=70), Formats.load(), join
