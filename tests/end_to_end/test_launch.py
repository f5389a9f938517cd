"""`eventsrc launch` as a person uses it: real recorders, real agents, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.service_kit import EVENTSRC, PATIENCE, Eventsrc

pytestmark = pytest.mark.slow


class Launches:
    """Launches on one data directory; ends the recorders that they started."""

    def __init__(self, kit: Eventsrc) -> None:
        self.kit = kit
        self.environment = {**kit._environment(), "EVENTSRC_HTTP_LISTEN": ""}

    def start(self, *command: str, **how: Any) -> subprocess.Popen[bytes]:
        """One that runs."""
        return subprocess.Popen([*EVENTSRC, "launch", "--", *command], env=self.environment, **how)

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        """One to its end."""
        command = (*EVENTSRC, "launch", "--", *command)
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=PATIENCE * 2, check=False)

    def events(self, what: str) -> list[Any]:
        """The data of what was recorded, in order."""
        done = self.kit.run("tail", "-n", "1000", "--json")
        found = map(json.loads, done.stdout.splitlines())
        return [one["data"] for one in found if one["type"] == f"eventsrc.launch.{what}"]

    def recorder(self) -> int:
        """Its pid."""
        pid: int = self.kit.status()["pid"]
        return pid

    def end_recorder(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the one that was started; it is nobody's child, so its end is looked for."""
        status = self.kit.status()
        if status["running"]:
            os.kill(status["pid"], how)
            self.kit.until(lambda: not self.kit.status()["running"])


@pytest.fixture
def launches(eventsrc: Eventsrc) -> Iterator[Launches]:
    made = Launches(eventsrc)
    yield made
    made.end_recorder()


def test_a_recorder_is_started_and_stays_and_the_exit_status_passes_through(launches: Launches) -> None:
    first = launches.run("sh", "-c", 'echo "$EVENTSRC_LAUNCH"; sleep 1; exit 7')  # lives long enough to be seen
    assert first.returncode == 7 and b"recorder runs in the background" in first.stderr
    recorder = launches.recorder()
    second = launches.run("sh", "-c", "kill -KILL $$")
    assert (second.returncode, second.stdout, second.stderr) == (137, b"", b"")
    assert launches.recorder() == recorder
    started, ended = launches.events("started"), launches.events("ended")
    assert [one["exit_code"] for one in ended] == [7, -9]
    assert [one["pid"] for one in started] == [one["pid"] for one in ended]
    assert started[0]["sid"] == f"launch-{first.stdout.decode().strip()}"
    assert started[0]["command"][0] == "sh" and started[0]["process_started"] is not None
    assert len(launches.kit.json("checkpoint", "list")) >= 2
    launches.kit.until_applied(launches.kit.status()["head"])
    sessions = launches.kit.json("agents", "sessions")
    assert {(one["sid"], one["state"]) for one in sessions} == {(one["sid"], "ended") for one in started}


def test_what_cannot_be_run_has_the_exit_status_of_a_shell(launches: Launches, tmp_path: Path) -> None:
    missing = launches.run("no-such-agent")
    assert missing.returncode == 127 and b"no such command" in missing.stderr
    assert launches.run(str(tmp_path)).returncode == 126
    assert launches.events("started") == []


def test_a_recorder_that_cannot_start_is_named_and_the_agent_does_not_run(launches: Launches, tmp_path: Path) -> None:
    (launches.kit.data / "log").mkdir(parents=True)
    (launches.kit.data / "log/00000000000000000001.jsonl").write_bytes(b"damage\n{}\n" * 10)
    done = launches.run("touch", str(tmp_path / "ran"))
    assert done.returncode == 1 and b"The recorder did not start" in done.stderr and b"service.log" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_signals_reach_the_agent_once_and_its_way_to_end_is_kept(launches: Launches, tmp_path: Path) -> None:
    agent = (
        "trap 'echo term >> seen' TERM; trap 'echo int >> seen; exit 5' INT; echo > up; while :; do sleep 0.05; done"
    )
    process = launches.start("sh", "-c", agent, cwd=tmp_path)
    launches.kit.until((tmp_path / "up").exists)
    process.send_signal(signal.SIGTERM)
    launches.kit.until((tmp_path / "seen").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 5
    assert (tmp_path / "seen").read_text().split() == ["term", "int"]


def test_the_agent_has_the_terminal_and_a_key_reaches_it_once(launches: Launches, tmp_path: Path) -> None:
    agent = (
        "import os, signal, sys, time\n"
        "count = []\n"
        "signal.signal(signal.SIGINT, lambda *_: count.append(1))\n"
        "assert os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()\n"
        "print('name?', flush=True)\n"
        "name = sys.stdin.readline().strip()\n"
        "print('hello', name, flush=True)\n"
        "while not count: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"  # a second one would come in this time
        "sys.exit(40 + len(count))\n"
    )
    launches.run("true")  # a recorder that runs says nothing on the terminal
    pid, terminal = pty.fork()
    if not pid:
        os.execve(
            sys.executable, [*EVENTSRC, "launch", "--no-menu", "--", sys.executable, "-c", agent], launches.environment
        )
    try:
        seen = until_said(terminal, b"name?")
        os.write(terminal, b"ada\n")
        seen += until_said(terminal, b"hello ada")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 41
    assert b"eventsrc" not in seen


def until_said(terminal: int, text: bytes) -> bytes:
    """What came on the terminal, until this is among it."""
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 1024)
    return seen


def test_a_recorder_that_dies_meanwhile_stops_nothing_and_learns_how_it_ended(
    launches: Launches, tmp_path: Path
) -> None:
    process = launches.start("sh", "-c", "echo > up; while [ ! -e go ]; do sleep 0.05; done; exit 3", cwd=tmp_path)
    launches.kit.until((tmp_path / "up").exists)
    launches.kit.until(lambda: launches.events("started"))
    first = launches.recorder()
    launches.end_recorder(signal.SIGKILL)
    (tmp_path / "go").touch()
    assert process.wait(PATIENCE) == 3
    assert launches.recorder() != first
    assert [len(launches.events(what)) for what in ("started", "ended")] == [1, 1]


def test_an_agent_outlives_its_launcher_and_its_end_is_noticed(launches: Launches, tmp_path: Path) -> None:
    process = launches.start("sh", "-c", "echo $$ > up; while [ ! -e go ]; do sleep 0.05; done", cwd=tmp_path)
    launches.kit.until(lambda: (tmp_path / "up").exists() and (tmp_path / "up").read_text().strip())
    launches.kit.until(lambda: launches.events("started"))
    process.kill()
    process.wait()
    (tmp_path / "go").touch()
    sid = launches.events("started")[0]["sid"]
    deadline = time.monotonic() + PATIENCE
    while [one["state"] for one in launches.kit.json("agents", "sessions") if one["sid"] == sid] != ["ended"]:
        assert time.monotonic() < deadline, launches.kit.json("agents", "sessions")
        time.sleep(0.1)
    assert launches.events("ended") == []
