"""The recovery menu, answered by a list instead of a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.cli import recover
from eventsrc.cli.recovery.menu import run_menu
from eventsrc.cli.recovery.talk import Talk
from eventsrc.cli.recovery.told import slug
from eventsrc.log import LogReader
from tests.recover_kit import HALF, copy, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return copy(made, tmp_path)


class Person:
    """Types these lines, then goes away."""

    def __init__(self, *lines: str) -> None:
        self._lines = iter(lines)
        self.prompts: list[str] = []

    def ask(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return next(self._lines, None)


def use(place: Path, *lines: str) -> tuple[bool, Person]:
    person = Person(*lines)
    return run_menu(place, Talk(person.ask), "go on"), person


def branches(place: Path) -> Iterator[dict[str, object]]:
    for event in LogReader(place).stream("eventsrc/branches"):
        yield json.loads(event.raw)


def test_an_empty_line_goes_on_and_q_or_the_end_of_input_quits(place: Path) -> None:
    assert use(place, "")[0] is True
    assert [use(place, word)[0] for word in ("q", "Q", "quit")] == [False] * 3
    assert use(place)[0] is False
    assert use(place, "v")[0] is False


def test_load_begins_a_branch_and_gives_the_session_out(place: Path, tmp_path: Path) -> None:
    going_on, _ = use(place, "l", "2", "1", str(tmp_path / "out"), "again", "y", "", "")
    (branch,) = branches(place)
    assert going_on and (branch["name"], branch["label"], branch["base_position"]) == ("again", "one", HALF)
    files = branch["files"]
    assert isinstance(files, list) and sorted(Path(file).suffix for file in files) == [".json", ".jsonl", ".md"]
    (transcript,) = (Path(file) for file in files if file.endswith(".jsonl"))
    assert {json.loads(line)["sessionId"] for line in transcript.read_bytes().splitlines()} == {transcript.stem}


@pytest.mark.parametrize("lines", [("2", "1", "out", "n", "n"), ("2", "b"), ("b",), ("2", "1", "out", "b"), ("2", "")])
def test_whoever_goes_back_has_changed_nothing(place: Path, lines: tuple[str, ...]) -> None:
    head = LogReader(place).head()
    use(place, "l", *lines)
    assert LogReader(place).head() == head and list(branches(place)) == []
    assert not Path("out").exists()


def test_only_numbers_that_are_shown_can_be_chosen(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, person = use(place, "l", "3", "0", "-1", "٣", "one", "b", "q")
    assert sum(prompt.startswith("which checkpoint") for prompt in person.prompts) == 6
    assert capsys.readouterr().err.count("type a number from 1 to 2") == 5


def test_new_begins_a_branch_on_nothing_and_keeps_what_there_was(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(place, "n", "fresh")
    (branch,) = branches(place)
    assert (branch["name"], branch["base_position"], branch["checkpoint"]) == ("fresh", 0, None)
    assert "what there was is in checkpoint" in capsys.readouterr().out


def test_view_search_and_diagnostics_come_back_to_the_menu(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    going_on, person = use(place, "v", "", "s", "nothing-like-this", "", "d", "", "?", "")
    out = capsys.readouterr()
    assert going_on and person.prompts.count("> ") == 5
    assert "OFF: no service runs" in out.out and "nothing was found" in out.err
    assert "type one of the letters in brackets" in out.err


def test_an_error_is_told_and_the_menu_goes_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("a file")
    going_on, _ = use(place, "l", "2", "1", "taken", "", "y", "")
    assert going_on and "taken" in capsys.readouterr().err
    assert list(branches(place)) == []


def test_without_checkpoints_there_is_nothing_to_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").mkdir()
    assert use(tmp_path, "l", "")[0] is True
    out = capsys.readouterr()
    assert "[L]oad" not in out.out and "no checkpoints yet" in out.out
    assert "type one of the letters" in out.err


def test_before_the_first_recording_nobody_is_asked(tmp_path: Path) -> None:
    assert recover.menu(tmp_path / "nothing") is True


def test_the_folder_of_a_session_is_named_as_the_agent_names_it() -> None:
    assert slug("/home/dev/my_app.v2") == "-home-dev-my-app-v2"
