"""`eventsrc experiments`, as a person types it: real processes on experiments in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.service_kit import Eventsrc
from tests.unit.experiments_kit import dialogue, manifest


def lab(root: Path, end: str | None = "max_turns_reached") -> Path:
    """One experiment in a folder, and a single conversation in another."""
    folder = root / "experiments" / "calm-lake_0a1b2c3d"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest("conv_1"))
    (folder / "conv_1_events.jsonl").write_bytes(b"\n".join(dialogue(end=end)) + b"\n")
    chat = root / "conversations" / "100000_abcde"
    chat.mkdir(parents=True)
    (chat / "events.jsonl").write_bytes(b"\n".join(dialogue("100000_abcde", 1, end="user_interrupt")) + b"\n")
    return root


def test_experiments_are_listed_and_shown(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(lab(tmp_path / "lab")))
    listed = {one["id"]: one for one in eventsrc.json("experiments", "list")}
    assert {name: one["state"] for name, one in listed.items()} == {
        "experiment_0a1b2c3d": "completed",
        "100000_abcde": "interrupted",
    }
    assert [one["name"] for one in eventsrc.json("experiments", "list", "--no-chats")] == ["calm-lake"]
    assert eventsrc.json("experiments", "list", "--state", "failed") == []
    status = eventsrc.json("experiments", "status", "calm-lake")
    assert status["outlook"] == {"turns": 2, "turns_planned": 2, "ended": 1, "planned": 1, "seconds_left": None}
    shown = eventsrc.json("experiments", "show", "experiment_0a", "--messages")
    assert [len(shown[name]) for name in ("conversations", "turns", "messages", "errors")] == [1, 2, 4, 0]
    text = eventsrc.run("experiments", "show", "calm-lake", "--messages").stdout.decode()
    assert "completed" in text and "The lake is calm, part 1." in text
    assert eventsrc.json("experiments", "turns", "calm-lake")[1]["convergence_score"] == 0.25


@pytest.mark.parametrize(("end", "code"), [("max_turns", 0), ("error", 1), ("user_interrupt", 3), (None, 1)])
def test_the_exit_code_of_status_is_the_outcome(eventsrc: Eventsrc, tmp_path: Path, end: str | None, code: int) -> None:
    eventsrc.json("ingest", str(lab(tmp_path / "lab", end)))
    assert eventsrc.run("experiments", "status", "calm-lake").returncode == code


def test_what_is_not_there_or_could_be_several_is_said(eventsrc: Eventsrc, tmp_path: Path) -> None:
    assert eventsrc.run("experiments", "list").returncode == 10
    folder = lab(tmp_path / "lab")
    other = folder / "experiments" / "other"
    other.mkdir()
    (other / "manifest.json").write_bytes(manifest(experiment_id="experiment_0a9", name="other"))
    eventsrc.json("ingest", str(folder))
    missing = eventsrc.run("experiments", "status", "nothing")
    assert missing.returncode == 1 and b"no experiment nothing" in missing.stderr
    several = eventsrc.run("experiments", "status", "experiment_0a")
    assert several.returncode == 2 and b"other" in several.stderr and b"calm-lake" in several.stderr
    nothing = eventsrc.run("experiments", "status")
    assert nothing.returncode == 0 and b"nothing goes on" in nothing.stderr
