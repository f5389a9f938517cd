"""The read model passes what every projection must; and its files are the same wherever batches were cut."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import BlockDelta, BlockReceived, BlockStarted, Fact, MessageStarted, Projection
from eventsrc.projector.feed import Parts
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.deltas import Deltas
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, ProjectionConformance, Rows, site


def _events() -> list[Event]:
    """Streams, one of them told twice by two sources, and a transcript."""
    formats = Formats.load()
    streams = [("file:///sse.jsonl", line) for line in generate_sse_lines(300, seed=11)]
    again = [("file:///copy.jsonl", line) for line in generate_sse_lines(150, seed=11)]
    transcript = [("file:///transcript.jsonl", line) for line in generate_transcript(40, seed=12)]
    events = []
    for position, (source, line) in enumerate([*streams, *again, *transcript], 1):
        record = Record(source, line, str(position))
        events.append(event_of(record, formats.recognise(record), position=position))
    return events


EVENTS = _events()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestDeltas(ProjectionConformance):
    projection: ClassVar[type[Projection]] = Deltas
    cuts: ClassVar[int] = 2

    def parts(self) -> Parts:
        return ListLog(EVENTS, chunk=70), Formats.load(), join

    def _lived(
        self, folder: Path, sizes: Sequence[int], *, renew: bool = False, undo: bool = False, again: bool = False
    ) -> Rows:
        """The rows, and beside them the files: they count as one more table."""
        found = super()._lived(folder, sizes, renew=renew, undo=undo, again=again)
        files = tree(folder / "files")
        for path, size in ((row[2], row[4]) for row in found["files"]):
            assert len(files.pop(path.removeprefix("deltas/"))) == size
        assert files == {}, "files without a row"
        return found

    def test_a_rebuild_makes_the_same_files_as_living_does(self, tmp_path: Path) -> None:
        log, formats, joined = self.parts()
        here = site(tmp_path / "data" / "read", log, formats, joined)
        rebuild([Deltas], here)
        head = log.head()
        chance = random.Random(3)
        sizes = [1] * 50
        while sum(sizes) < head:
            sizes.append(min(chance.randint(1, 60), head - sum(sizes)))
        self._lived(tmp_path / "lived", sizes, renew=True)
        assert tree(tmp_path / "data" / "deltas") == tree(tmp_path / "lived" / "files") != {}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with both read models."""
    data = tmp_path_factory.mktemp("both")
    rebuild([Agents, Deltas], site(data / "read", ListLog(EVENTS, chunk=70), Formats.load(), join))
    return data


def test_files_hold_what_agents_hold(both: Path) -> None:
    with closing(sqlite3.connect(current(both / "read", "agents"))) as agents:
        blocks = agents.execute(
            "SELECT flow_id, block_index, delta_file_path, content FROM content_blocks WHERE delta_count > 0"
        ).fetchall()
    assert len(blocks) > 10
    for flow, index, path, content in blocks:
        assert path == f"deltas/{flow}/index_{index}.txt"
        assert (both / path).read_text("utf-8") == content


def test_both_read_models_name_the_same_file_whatever_the_ids_are(tmp_path: Path) -> None:
    facts: list[Fact] = [BlockStarted(sid="s", request_id="req_9", index=0, block_type="text", text="at once")]
    flows = ("Case", "case", "../up", "", "case")
    facts += [BlockDelta(sid="s", request_id=flow, index=0, kind="text", text="x") for flow in flows]
    facts.append(MessageStarted(sid="s", request_id="Case", message_id="msg_2"))
    facts.append(BlockDelta(sid="s", message_id="msg_2", index=5, kind="json", text="{}"))
    with Given(Agents, tmp_path / "a") as agents, Given(Deltas, tmp_path / "d") as deltas:
        for fact in facts:
            agents.facts(fact).forget()
            deltas.facts(fact).forget()
        wanted = deltas.rows("SELECT path, flow_id, block_index FROM files ORDER BY 1")
        assert wanted == agents.rows("SELECT delta_file_path, flow_id, block_index FROM content_blocks ORDER BY 1")
        assert len(wanted) == 6


def test_a_block_that_came_whole_has_no_file(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as agents:
        agents.facts(BlockReceived(sid="s", message_id="m", key="k", block_type="text", content="whole"))
        assert agents.rows("SELECT delta_file_path FROM content_blocks") == [(None,)]


def test_a_rebuild_moves_the_link_and_keeps_the_files_of_the_generation_before(both: Path) -> None:
    before, files = (both / "deltas").readlink(), tree(both / "deltas")
    rebuild([Deltas], site(both / "read", ListLog(EVENTS, chunk=70), Formats.load(), join))
    assert (both / "deltas").readlink() != before
    assert tree(both / before) == tree(both / "deltas") == files


def test_what_lies_in_the_way_of_the_link_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "deltas").mkdir()
    (tmp_path / "deltas" / "mine").touch()
    rebuild([Deltas], site(tmp_path / "read", ListLog(EVENTS[:50]), Formats.load(), join))
    assert tree(tmp_path / "deltas") == {"mine": b""}
    assert "in the way of the files of deltas" in caplog.text
