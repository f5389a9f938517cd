"""Commands without a service: what a first `ingest` does to build all read models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.config import Settings
from eventsrc.errors import RebuildRunning
from eventsrc.event import Position
from eventsrc.projector.feed import Feed
from eventsrc.projector.portion import Portion
from eventsrc.service.asking import read_models
from eventsrc.service.here import ingest_here
from eventsrc.testing.generate import generate_transcript


def untold(_done: int, _total: int) -> None:
    """Nobody watches the progress."""


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "one.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in generate_transcript(300)))
    return path


def positions(data: Path) -> set[Position]:
    models = read_models(data)
    return {models.freshness(name, 0).position for name in models.names()}


def test_a_first_ingest_reads_the_log_once_for_all_read_models(
    tmp_path: Path, transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[tuple[Position, Position]] = []
    original = Feed.all

    def counted(self: Feed, after: Position, until: Position) -> Iterator[Portion]:
        passes.append((after, until))
        return original(self, after, until)

    monkeypatch.setattr(Feed, "all", counted)
    ingest_here(Settings(), tmp_path / "data", [str(transcript)], untold)
    assert passes == [(0, 300)] and positions(tmp_path / "data") == {300}
    with transcript.open("ab") as file:
        file.writelines(line + b"\n" for line in generate_transcript(20, seed=2))
    ingest_here(Settings(), tmp_path / "data", [str(transcript)], untold)
    assert len(passes) == 1 and positions(tmp_path / "data") == {320}, "what is there goes on where it was"


def test_read_models_that_somebody_else_builds_are_left_to_their_projectors(
    tmp_path: Path, transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: Any, **__: Any) -> None:
        raise RebuildRunning(name="agents", path="read/agents", holder="process 1")

    monkeypatch.setattr("eventsrc.service.here.rebuild", taken)
    ingest_here(Settings(), tmp_path / "data", [str(transcript)], untold)
    assert positions(tmp_path / "data") == {300}
