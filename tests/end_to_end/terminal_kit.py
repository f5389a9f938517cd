"""A real terminal of a given size, in which a command runs as a person would run it."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.end_to_end.service_kit import PATIENCE


class Terminal:
    """tmux with one window; what is on its screen is text. `left with N` is shown when the command has ended."""

    def __init__(self, socket: Path, size: tuple[int, int], command: list[str], environment: Mapping[str, str]) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        columns, rows = map(str, size)
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        # What a shell says of the terminal that the tests run in is not true of this one.
        line = f"unset COLUMNS LINES; {given} {shlex.join(command)}; echo left with $?; exec cat"
        self._run("new-session", "-d", "-x", columns, "-y", rows, line)

    def type(self, text: str) -> None:
        """A line, and Enter."""
        if text:
            self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def key(self, *names: str) -> None:
        """Keys by tmux's names for them, e.g. `C-c`."""
        self._run("send-keys", *names)

    def screen(self) -> list[str]:
        return self._run("capture-pane", "-p").splitlines()

    def until(self, text: str, *, at_end: bool = False) -> list[str]:
        """The screen, once a text is on it; with `at_end` on its last line that is not empty."""

        def is_there(screen: list[str]) -> bool:
            lines = [line for line in screen if line.strip()]
            return text in (lines[-1] if lines else "") if at_end else any(text in line for line in lines)

        return self.until_true(is_there)

    def until_true(self, true: Callable[[list[str]], object]) -> list[str]:
        """The screen, once something holds of it."""
        deadline = time.monotonic() + PATIENCE
        while not true(screen := self.screen()):
            assert time.monotonic() < deadline, "\n".join(screen)
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        """Ends the terminal and what runs in it."""
        self._run("kill-server")

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True).stdout
