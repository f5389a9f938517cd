"""A Codex home as it lies on a disk, packed files and all, through the commands."""

from __future__ import annotations

from pathlib import Path

import zstandard

from tests.conformance.formats import CORPUS
from tests.end_to_end.service_kit import Eventsrc

THREAD = "019f0000-0000-7000-8000-0000000000"


def codex_home(folder: Path) -> Path:
    """Two threads: one active, one archived and packed."""
    active = folder / "sessions/2026/11/01" / f"rollout-2026-11-01T09-00-00-{THREAD}06.jsonl"
    cold = folder / "archived_sessions" / f"rollout-2025-09-25T09-00-00-{THREAD}01.jsonl.zst"
    for path in (active, cold):
        path.parent.mkdir(parents=True)
    active.write_bytes((CORPUS / "codex/v0.169-paginated.jsonl").read_bytes())
    cold.write_bytes(zstandard.compress((CORPUS / "codex/v0.40-no-turn-ids.jsonl").read_bytes()))
    return folder


def test_threads_are_sessions_whether_packed_or_not(eventsrc: Eventsrc, tmp_path: Path) -> None:
    home = codex_home(tmp_path / "codex")
    first = eventsrc.json("ingest", str(home))
    assert first["problems"] == {} and first["files"] == 2
    assert eventsrc.json("ingest", str(home))["appended"] == 0
    sessions = {one["sid"]: one for one in eventsrc.json("agents", "sessions")}
    assert {sid[-2:] for sid in sessions} == {"01", "06"}
    used = {one["key"][-2:]: one for one in eventsrc.json("agents", "usage", "--by", "session")}
    assert (used["01"]["input_tokens"], used["01"]["output_tokens"]) == (400, 250)
    assert (used["06"]["input_tokens"], used["06"]["cache_creation_input_tokens"]) == (168, 2600)
    (round_,) = eventsrc.json("agents", "rounds", f"{THREAD}06")
    assert (round_["state"], round_["user_prompt"]) == ("complete", "List the files")


def test_an_archive_that_is_damaged_is_named(eventsrc: Eventsrc, tmp_path: Path) -> None:
    home = codex_home(tmp_path / "codex")
    (path,) = home.rglob("*.zst")
    path.write_bytes(path.read_bytes()[:-20])
    report = eventsrc.json("ingest", str(home), code=3)
    assert report["problems"] == {str(path): "it cannot be unpacked: its end is missing"}
    assert [one["sid"][-2:] for one in eventsrc.json("agents", "sessions")] == ["06"]


def test_a_capture_is_a_session_of_its_own(eventsrc: Eventsrc, tmp_path: Path) -> None:
    capture = tmp_path / "captures/hello.sse"
    capture.parent.mkdir()
    capture.write_bytes((CORPUS / "anthropic_sse/as-sent.jsonl").read_bytes())
    eventsrc.json("ingest", str(capture.parent))
    (session,) = eventsrc.json("agents", "sessions")
    assert (session["sid"], session["agent"], session["model"]) == ("hello", "anthropic_api", "claude-sonnet-4-5")
    (used,) = eventsrc.json("agents", "usage", "--by", "model")
    assert (used["input_tokens"], used["output_tokens"], used["reasoning_tokens"]) == (12, 37, 5)
    assert eventsrc.json("agents", "tool", "toolu_01Synth")[0]["input"] == '{"path": "."}'
