"""The read model of search passes what every projection must: streams, a transcript and an experiment in one log."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import Projection
from eventsrc.projector.feed import Parts
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.query.connection import reading
from eventsrc.testing.clock import ManualClock
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from projections.search import Search
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, ProjectionConformance, site
from tests.unit.experiments_kit import FOLDER, at, dialogue


def _events() -> list[Event]:
    formats = Formats.load()
    records = [("file:///sse.jsonl", line) for line in generate_sse_lines(200, seed=21)]
    records += [("file:///transcript.jsonl", line) for line in generate_transcript(60, seed=22)]
    records += at(FOLDER, ("conv_1_events.jsonl", dialogue()))
    found = []
    for position, (source, line) in enumerate(records, 1):
        record = Record(source, line, str(position))
        found.append(event_of(record, formats.recognise(record), position=position))
    return found


EVENTS = _events()


class TestSearch(ProjectionConformance):
    projection: ClassVar[type[Projection]] = Search
    cuts: ClassVar[int] = 2

    def parts(self) -> Parts:
        return ListLog(EVENTS, chunk=70), Formats.load(), join

    def test_a_rebuild_finds_what_living_finds(self, tmp_path: Path) -> None:
        """The indexes are no rows: those that a rebuild fills at the end answer like those that grew."""
        here = site(tmp_path / "read", *self.parts())
        assert rebuild([Search], here)[0].error == ""
        self._lived(tmp_path / "lived", [40, 60, len(EVENTS) - 100])
        answers = [
            [_asked(path, words) for words in ('"the"', '"lake"', '"a"*')]
            for path in (current(here.read_dir, "search"), tmp_path / "lived" / "search-1.db")
        ]
        assert answers[0] == answers[1] and all(answers[0])


def _asked(path: Path, words: str) -> list[tuple[object, ...]]:
    question = next(one for one in Search.questions if one.name == "words")
    values = dict.fromkeys(question.parameters) | question.defaults | {"words": words}
    with reading(path, ManualClock()) as connection:
        return connection.execute(question.sql, values).fetchall()
