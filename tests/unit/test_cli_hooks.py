"""`eventsrc hooks`: what a person sees and what a script gets, for settings that are there, broken, and not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventsrc.cli.main import run


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("EVENTSRC_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".claude" / "settings.json"


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert run(["hooks", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_shows_the_change_on_stderr_and_makes_none(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hooks", "install", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("exec >/dev/null") == 1 and shown.err.count("(as above)") == 26
    assert not settings.exists()


def test_the_script_is_shown_once_also_where_all_hooks_stand_on_one_line(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.parent.mkdir()
    settings.write_text('{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}')
    assert run(["hooks", "install", "--dry-run"]) == 0
    shown = capsys.readouterr().err
    assert shown.count("exec >/dev/null") == 1 and shown.count("(as above)") == 26


def test_nothing_is_changed_where_nobody_can_be_asked(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hooks", "install", "--no-input"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert not settings.exists()


def test_hooks_over_http_name_the_listener_and_tell_the_start_by_the_spool(
    settings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTSRC_HTTP_LISTEN", "127.0.0.1:9999")
    told = answer(capsys, "install", "--yes", "--via", "http")
    assert told["target"] == "http://127.0.0.1:9999/hooks/claude-code"
    found = answer(capsys, "status")
    assert (found["events"]["SessionStart"], found["events"]["Stop"]) == ("spool", "http")
    monkeypatch.setenv("EVENTSRC_HTTP_LISTEN", "")
    assert run(["hooks", "install", "--yes", "--via", "http"]) == 2


def test_a_second_time_there_is_nothing_to_change(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "install", "--yes")["changed"] is True
    before = settings.read_bytes()
    assert answer(capsys, "install", "--yes")["changed"] is False
    assert settings.read_bytes() == before
    assert run(["hooks", "install"]) == 0  # nobody is asked about nothing


def test_settings_that_are_no_json_are_refused_by_every_command(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.parent.mkdir()
    settings.write_text("{,}")
    for words in (["install", "--yes"], ["uninstall", "--yes"], ["status"]):
        assert run(["hooks", *words]) == 1
        assert "settings.json cannot be edited" in capsys.readouterr().err
    assert settings.read_text() == "{,}"


def test_status_says_what_may_keep_hooks_from_running_and_where_else_they_go(
    settings: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert answer(capsys, "status", code=3)["installed"] is False
    answer(capsys, "install", "--yes", "--data", str(tmp_path / "elsewhere"))
    text = json.loads(settings.read_text())
    del text["hooks"]["Stop"]
    settings.write_text(json.dumps({**text, "disableAllHooks": True}))
    assert run(["hooks", "status"]) == 3
    shown = capsys.readouterr().out
    assert "disableAllHooks is True" in shown and "missing: Stop" in shown and "(not this data directory)" in shown


def test_other_settings_can_be_named(settings: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    project = tmp_path / "app" / ".claude" / "settings.local.json"
    answer(capsys, "install", "--yes", "--settings", str(project))
    assert project.exists() and not settings.exists()
    assert answer(capsys, "status", "--settings", str(project))["missing"] == []
