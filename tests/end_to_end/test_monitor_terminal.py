"""The monitor in a real terminal, at the sizes people have; and what it prints where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from eventsrc.testing.generate import generate_sse_lines
from tests.end_to_end.service_kit import EVENTSRC, Eventsrc
from tests.end_to_end.terminal_kit import Terminal


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
    one = Terminal(tmp_path / "t", request.param, [*EVENTSRC, "monitor"], {"EVENTSRC_DATA": str(filled.data)})
    try:
        yield one
    finally:
        one.close()


@pytest.mark.slow
def test_the_screen_of_a_real_terminal(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    columns, rows = request.node.callspec.params["terminal"]
    first = terminal.until_true(lambda screen: "WHAT" in screen[1] and "q back" in screen[-1])
    assert first[0].startswith(" sessions · 4") and "active" in first[0]
    assert len(first) == rows and all(cell_len(line) <= columns for line in first)
    assert ("FOLDER" in first[1]) == (columns == 200)
    terminal.key("?")
    terminal.until_true(lambda screen: any("Ctrl-C" in line for line in screen))
    terminal.key("x")
    terminal.until_true(lambda screen: not any("Ctrl-C" in line for line in screen))
    terminal.key("/", "zzz")
    terminal.until_true(lambda screen: screen[0].startswith(" sessions /zzz · 0"))
    terminal.key("Enter")
    terminal.until_true(lambda screen: "q back" in screen[-1])
    terminal.key("Escape")
    terminal.until_true(lambda screen: screen[0].startswith(" sessions · 4"))
    terminal.key("Enter")
    terminal.until_true(lambda screen: screen[0].startswith(" rounds ") and any("PROMPT" in line for line in screen))
    terminal.key("Enter")
    terminal.until_true(lambda screen: screen[0].startswith(" round ") and any("CONTENT" in line for line in screen))
    terminal.key("Enter")
    terminal.until_true(lambda screen: any(line.strip() == "content" for line in screen))
    terminal.key("q", "q", "q", "q")
    terminal.until_true(lambda screen: any("left with 0" in line for line in screen))


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
