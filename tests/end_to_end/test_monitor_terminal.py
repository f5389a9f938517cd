"""The monitor in a real terminal, at the sizes people have; and what it prints where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from eventsrc.testing.generate import generate_sse_lines
from tests.end_to_end.service_kit import EVENTSRC, PATIENCE, Eventsrc


class Terminal:
    """A terminal of a given size that runs the monitor; what is on its screen is text."""

    def __init__(self, data: Path, socket: Path, columns: int, rows: int) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        size = ["-x", str(columns), "-y", str(rows)]
        command = f"EVENTSRC_DATA={data} {' '.join(EVENTSRC)} monitor; echo left with $?; exec cat"
        self._run("new-session", "-d", *size, command)

    def type(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def screen(self) -> list[str]:
        return self._run("capture-pane", "-p").splitlines()

    def until(self, true: Callable[[list[str]], object]) -> list[str]:
        """The screen, once something holds of it."""
        deadline = time.monotonic() + PATIENCE
        while not true(screen := self.screen()):
            assert time.monotonic() < deadline, "\n".join(screen)
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def filled(eventsrc: Eventsrc, tmp_path: Path) -> Eventsrc:
    file = tmp_path / "in" / "sse_lines.jsonl"
    file.parent.mkdir()
    file.write_bytes(b"".join(line + b"\n" for line in generate_sse_lines(3_000)))
    eventsrc.json("ingest", str(file))
    return eventsrc


@pytest.fixture(params=[(80, 24), (200, 50)], ids=["80x24", "200x50"])
def terminal(filled: Eventsrc, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("no tmux on this machine")
    one = Terminal(filled.data, tmp_path / "t", *request.param)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.slow
def test_the_screen_of_a_real_terminal(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    columns, rows = request.node.callspec.params["terminal"]
    first = terminal.until(lambda screen: "WHAT" in screen[1] and "q back" in screen[-1])
    assert first[0].startswith(" sessions · 4") and "active" in first[0]
    assert len(first) == rows and all(cell_len(line) <= columns for line in first)
    assert ("FOLDER" in first[1]) == (columns == 200)
    terminal.type("?")
    terminal.until(lambda screen: any("Ctrl-C" in line for line in screen))
    terminal.type("x")
    terminal.until(lambda screen: not any("Ctrl-C" in line for line in screen))
    terminal.type("/", "zzz")
    terminal.until(lambda screen: screen[0].startswith(" sessions /zzz · 0"))
    terminal.type("Enter")
    terminal.until(lambda screen: "q back" in screen[-1])
    terminal.type("Escape")
    terminal.until(lambda screen: screen[0].startswith(" sessions · 4"))
    terminal.type("Enter")
    terminal.until(lambda screen: screen[0].startswith(" rounds ") and any("PROMPT" in line for line in screen))
    terminal.type("Enter")
    terminal.until(lambda screen: screen[0].startswith(" round ") and any("CONTENT" in line for line in screen))
    terminal.type("Enter")
    terminal.until(lambda screen: any(line.strip() == "content" for line in screen))
    terminal.type("q", "q", "q", "q")
    terminal.until(lambda screen: any("left with 0" in line for line in screen))


def test_without_a_terminal_it_prints_one_snapshot(filled: Eventsrc) -> None:
    done = filled.run("monitor")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0 and len(lines) == 5 and "STATE" in lines[0] and "\x1b" not in done.stdout.decode()
    assert b"4 active" in done.stderr
    shown = filled.json("monitor")
    assert sorted(shown) == ["counts", "sessions", "time"] and shown["counts"]["active_sessions"] == 4
    assert {"sid", "round_state", "tool_name", "input_tokens", "errors"} <= set(shown["sessions"][0])


def test_without_a_store_it_says_how_to_make_one(eventsrc: Eventsrc) -> None:
    done = eventsrc.run("monitor")
    assert done.returncode == 10 and b"eventsrc ingest" in done.stderr
    assert eventsrc.run("monitor", "--every", "never").returncode == 2


def test_the_application_is_imported_by_nothing_else() -> None:
    code = "import sys, eventsrc.cli.main as m; m.run(['monitor', '--help']); sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
