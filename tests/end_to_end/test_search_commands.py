"""`eventsrc search`, as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.service_kit import Eventsrc
from tests.end_to_end.test_experiments_commands import lab


@pytest.fixture
def recorded(eventsrc: Eventsrc, tmp_path: Path) -> Eventsrc:
    eventsrc.json("ingest", str(lab(tmp_path / "lab")))
    return eventsrc


def test_words_are_found_with_where_they_stand(recorded: Eventsrc) -> None:
    found = recorded.json("search", "lake calm", "-n", "50")
    assert {one["kind"] for one in found} == {"experiment"}
    assert {one["sid"] for one in found} == {"conv_1", "100000_abcde"}
    first = found[0]
    assert set(first) == {"kind", "sid", "time", "snippet", "title", "ref", "position", "score", "matches"}
    marked = [first["snippet"][begins:ends] for begins, ends in first["matches"]]
    assert marked == ["lake", "calm"]
    assert [one["sid"] for one in recorded.json("search", "lake", "--session", "1000")] == ["100000_abcde"]
    assert recorded.json("search", "lake", "--kind", "prompt") == []
    assert recorded.json("search", "lake", "--since", "2026-02-04") == []
    assert len(recorded.json("search", "lake", "-n", "2", "--page", "2")) == 1


def test_a_person_reads_kind_snippet_and_where_it_stands(recorded: Eventsrc) -> None:
    text = recorded.run("search", "calm lake", "NOT", "1").stdout.decode()
    assert "experiment agent_a" in text and "The lake is calm, part 0." in text and "position" in text
    assert "\x02" not in text and "part 1" not in text


@pytest.mark.parametrize("words", ['") OR (facets: x', "NEAR(", "title:*", "'; DROP TABLE documents", "^", '"'])
def test_no_question_is_an_error_of_syntax(recorded: Eventsrc, words: str) -> None:
    done = recorded.run("search", words)
    assert done.returncode in (0, 2) and b"Traceback" not in done.stderr and b"fts5" not in done.stderr


def test_nothing_found_and_nothing_asked_are_said(recorded: Eventsrc) -> None:
    nothing = recorded.run("search", "zebra")
    assert nothing.returncode == 0 and b"nothing was found" in nothing.stderr and not nothing.stdout
    assert recorded.run("search", "NOT", "lake").returncode == 2
    assert recorded.run("search").returncode == 2


def test_text_that_would_act_on_a_terminal_is_shown_harmless(eventsrc: Eventsrc, tmp_path: Path) -> None:
    folder = lab(tmp_path / "lab")
    log = next(folder.rglob("conv_1_events.jsonl"))
    log.write_bytes(log.read_bytes().replace(b"The lake is calm", b"The lake \\u001b[31mis\\u0002 calm"))
    eventsrc.json("ingest", str(folder))
    shown = eventsrc.run("search", "lake calm").stdout
    assert b"\x1b[31m" not in shown and b"calm" in shown
