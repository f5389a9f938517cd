"""Going on from a checkpoint beside a running service, and the menu in a real terminal of 80 columns and 24 lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.end_to_end.service_kit import EVENTSRC, Eventsrc
from tests.end_to_end.terminal_kit import Terminal
from tests.recover_kit import HALF, copy, make

pytestmark = pytest.mark.slow
SIZE = (80, 24)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def halves(made: Path, tmp_path: Path, eventsrc: Eventsrc) -> Eventsrc:
    copy(made, tmp_path)
    return eventsrc


def begun(kit: Eventsrc) -> list[Any]:
    """The data of what is in the log, oldest first."""
    found = map(json.loads, kit.run("tail", "-n", "1000", "--json").stdout.splitlines())
    return [one["data"] for one in found if one["type"] == "eventsrc.branch.begun"]


def test_beside_a_service_everything_is_the_same(halves: Eventsrc, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    halves.start(tmp_path / "in")
    made = halves.json("recover", "--load", "one", "--name", "live", "--out", str(tmp_path / "out"))
    fresh = halves.json("recover", "--new", "--name", "fresh")
    assert [one["name"] for one in begun(halves)] == ["live", "fresh"]
    listed = halves.json("recover")["branches"]
    assert [one["branch"] for one in listed] == [fresh["branch"], made["branch"]]
    assert (fresh["base_position"], fresh["checkpoint"]) == (0, None)
    assert fresh["kept"] == halves.json("checkpoint", "list")[0]["id"]
    assert halves.json("recover", "--diagnostics")["recording"] is True
    halves.until_applied(listed[0]["position"])


def test_read_models_are_not_put_back_under_a_service(halves: Eventsrc, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    service = halves.start(tmp_path / "in")
    refused = halves.run("checkpoint", "restore", "one")
    assert refused.returncode == 11 and f"pid {service.pid}".encode() in refused.stderr
    assert b"eventsrc checkpoint restore one" in refused.stderr
    assert halves.stop(service) == 0
    assert halves.json("checkpoint", "restore", "one")["position"] == HALF


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Makes terminals that run a command on the store of this test."""
    if shutil.which("tmux") is None:
        pytest.skip("no tmux on this machine")
    made: list[Terminal] = []

    def start(kit: Eventsrc, *words: str) -> Terminal:
        environment = {**kit._environment(), "EVENTSRC_HTTP_LISTEN": "", "TZ": "UTC"}
        made.append(Terminal(tmp_path / f"tmux{len(made)}", SIZE, [*EVENTSRC, *words], environment))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_the_menu_fits_the_screen_and_leads_to_a_branch(
    halves: Eventsrc, tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal(halves, "recover")
    shown = screen.until("[L]oad  [N]ew  [V]iew recent  [S]earch  [D]iagnostics  [Q]uit")
    assert all(cell_len(line) <= SIZE[0] for line in shown)
    assert any("one" in line and "#" not in line for line in shown)
    assert sum(line.startswith(("1  ", "2  ")) for line in shown) == 2
    screen.type("l")
    screen.until("which checkpoint, 1 to 2, b: back:", at_end=True)
    screen.type("3")
    screen.until("type a number from 1 to 2, or b")
    screen.type("2")
    screen.until("39 later events stay in the log whatever is chosen here")
    screen.type("1")
    screen.until("into which folder (Enter: this one):", at_end=True)
    screen.type(str(tmp_path / "out"))
    screen.until("name of the branch (Enter: none):", at_end=True)
    screen.type("second try")
    screen.until("begin a branch on checkpoint", at_end=True)
    screen.type("y")
    shown = screen.until("Enter: back", at_end=True)
    assert any("'second try' begins at position 70" in line for line in shown)
    assert any("39 later events stay in the log; nothing was cut" in line for line in shown)
    screen.type("")
    screen.until("base of")
    screen.type("q")
    screen.until("left with 0")
    assert [(one["name"], one["base_position"]) for one in begun(halves)] == [("second try", HALF)]
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_looking_around_changes_nothing(halves: Eventsrc, terminal: Callable[..., Terminal]) -> None:
    screen = terminal(halves, "recover")
    for keys, text in (("v", "  user  "), ("d", "OFF: no service runs"), ("s", "words:")):
        screen.until("Enter: leave")
        screen.until(">", at_end=True)
        screen.type(keys)
        screen.until(text)
        if keys == "s":
            screen.type("cache")
        shown = screen.until("Enter: back", at_end=True)
        assert all(cell_len(line) <= SIZE[0] for line in shown)
        screen.type("")
    screen.until(">", at_end=True)
    screen.key("C-c")
    screen.until("left with 0")
    assert begun(halves) == []


@pytest.mark.parametrize(("answer", "ran"), [("", True), ("q", False)])
def test_launch_shows_the_menu_first(
    halves: Eventsrc, tmp_path: Path, terminal: Callable[..., Terminal], answer: str, ran: bool
) -> None:
    (tmp_path / "in").mkdir()
    halves.start(tmp_path / "in")  # so that no recorder is left behind
    screen = terminal(halves, "launch", "--", "touch", str(tmp_path / "ran"))
    screen.until("Enter: go on")
    screen.type(answer)
    screen.until("left with 0")
    assert (tmp_path / "ran").exists() is ran
