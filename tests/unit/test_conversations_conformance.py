"""The read model passes what every projection must, on a mesh with all shapes; bridged runs and repeats among them."""

from __future__ import annotations

from typing import ClassVar

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import Projection
from eventsrc.projector.feed import Parts
from projections.conversations import Conversations
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, ProjectionConformance
from tests.conversation_kit import mix


def _events() -> list[Event]:
    formats = Formats.load()
    events = []
    for position, line in enumerate(mix(120), 1):
        record = Record("zmq+pull://127.0.0.1:5557", line, str(position))
        events.append(event_of(record, formats.recognise(record), position=position))
    return events


EVENTS = _events()


class TestConversations(ProjectionConformance):
    projection: ClassVar[type[Projection]] = Conversations
    cuts: ClassVar[int] = 2

    def parts(self) -> Parts:
        return ListLog(EVENTS, chunk=70), Formats.load(), join
