"""From the agent's hook to the state of its session: through the spool while nothing runs, and over HTTP, with real
processes; a kill at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.http.hooks import HOOKS_PATH
from eventsrc.http.unix import connect_unix
from tests.end_to_end.service_kit import Eventsrc

SID = "7d1c0000-0000-4000-8000-000000000001"
AGENT = """
import json, subprocess, sys
hooks = json.load(open(sys.argv[1]))["hooks"]
for line in sys.stdin:
    told = json.loads(line)
    (group,) = hooks[told["hook_event_name"]]
    (handler,) = group["hooks"]
    done = subprocess.run([handler["command"], *handler["args"]], input=line.encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), done
    print("told", flush=True)
"""


class Agent:
    """A process that runs the hooks of its settings as Claude Code does: it is their parent."""

    def __init__(self, settings: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGENT, str(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def tell(self, name: str, **fields: Any) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        told = {"session_id": SID, "cwd": "/home/dev/app", "hook_event_name": name, **fields}
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"told\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".claude" / "settings.json"


@pytest.fixture
def agent(eventsrc: Eventsrc, settings: Path) -> Iterator[Agent]:
    settings.parent.mkdir(parents=True)
    settings.write_text('{"model": "opus"}')
    assert eventsrc.json("hooks", "install", "--yes")["changed"] is True
    one = Agent(settings)
    yield one
    one.kill()


def states(eventsrc: Eventsrc) -> dict[str, int]:
    found = eventsrc.status()["states"].get("agents", {})
    return {state: number for state, number in found.items() if number}


def scraped(eventsrc: Eventsrc) -> str:
    with connect_unix(eventsrc.data / "eventsrc.sock", 10) as door:
        door.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return b"".join(iter(lambda: door.recv(65536), b"")).decode()


@pytest.mark.slow
def test_an_agent_is_known_from_its_hooks_alone_from_its_first_to_its_last_moment(
    eventsrc: Eventsrc, agent: Agent
) -> None:
    agent.tell("SessionStart", source="startup", model="claude-opus-5", session_title="mend the build")
    agent.tell("UserPromptSubmit", prompt="mend the build", prompt_id="P1")
    agent.tell("PreToolUse", tool_name="Bash", tool_input={"command": "make"}, tool_use_id="t1", prompt_id="P1")
    agent.tell("PermissionRequest", tool_name="Bash", tool_input={"command": "make"}, prompt_id="P1")
    assert eventsrc.json("hooks", "status")["spool_waiting"] == 4  # nobody ran until here
    eventsrc.start()
    eventsrc.until(lambda: states(eventsrc) == {"waiting": 1})
    (waits,) = eventsrc.json("agents", "waiting")
    assert (waits["reason"], waits["tool_use_id"], waits["pid"]) == ("permission: Bash", "t1", agent.process.pid)
    assert "1 waiting for a person" in eventsrc.run("status").stdout.decode()
    agent.tell("PostToolUse", tool_name="Bash", tool_use_id="t1", duration_ms=12, prompt_id="P1", tool_response={})
    eventsrc.until(lambda: states(eventsrc) == {"active": 1})
    eventsrc.until(lambda: 'eventsrc_agents_sessions{state="active"} 1.0' in scraped(eventsrc))
    agent.kill()  # in the middle of its round
    eventsrc.until(lambda: states(eventsrc) == {"orphaned": 1})
    told = eventsrc.json("hooks", "status")
    assert (told["spool_waiting"], told["service_running"]) == (0, True)
    assert set(told["last"]) == {"SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse"}


def test_hooks_are_taken_out_and_the_settings_are_what_they_were(
    eventsrc: Eventsrc, agent: Agent, settings: Path
) -> None:
    assert eventsrc.json("hooks", "status")["missing"] == []
    assert eventsrc.json("hooks", "uninstall", "--yes") == {"settings": str(settings), "changed": True}
    assert settings.read_text() == '{"model": "opus"}'
    assert eventsrc.json("hooks", "status", code=3)["installed"] is False
    refused = eventsrc.run("hooks", "install")
    assert (refused.returncode, refused.stdout) == (2, b"") and b"--yes" in refused.stderr


@pytest.mark.slow
def test_a_service_that_is_killed_while_it_empties_the_spool_records_every_hook_once(
    eventsrc: Eventsrc, agent: Agent
) -> None:
    for number in range(60):
        agent.tell("UserPromptSubmit", prompt=f"prompt {number}", prompt_id=f"P{number}")
        if number in (20, 40):
            service = eventsrc.start()
            eventsrc.until(lambda: eventsrc.status()["head"] > 0)
            eventsrc.stop(service, signal.SIGKILL)
    eventsrc.start()
    spool = eventsrc.data / "spool" / "claude-code"
    eventsrc.until(lambda: not list(spool.iterdir()))
    shown = eventsrc.run("tail", "-n", "10000", "-g", "UserPromptSubmit", "-o", "cat").stdout
    prompts = [json.loads(line)["hook"]["prompt"] for line in shown.splitlines()]
    assert prompts == [f"prompt {number}" for number in range(60)]


@pytest.mark.slow
def test_hooks_over_http_are_answered_at_once_and_are_durable(eventsrc: Eventsrc) -> None:
    eventsrc.start()
    body = json.dumps({"session_id": SID, "hook_event_name": "PostToolUse", "tool_response": "x" * 2_000}).encode()
    head = f"POST {HOOKS_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    seconds: list[float] = []
    with connect_unix(eventsrc.data / "eventsrc.sock", 10) as door:
        for _ in range(500):
            began = time.perf_counter()
            door.sendall(head + body)
            answer = door.recv(65536)
            seconds.append(time.perf_counter() - began)
            assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n")
    seconds.sort()
    assert seconds[250] < 0.05  # on a machine that does other things, too; a few milliseconds on a quiet one
    assert eventsrc.status()["head"] >= 500
