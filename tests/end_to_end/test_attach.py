"""`eventsrc attach` on a real data directory: what was, what comes, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventsrc.testing.generate import generate_sse_lines
from tests.end_to_end.service_kit import EVENTSRC, PATIENCE, Eventsrc

SID = "3b1f0c52-8a44-4d0e-9c1e-5d2f7a90c6e1"
OTHER = "3b1f0c52-ffff-4d0e-9c1e-5d2f7a90c6e1"


def line(event: str, payload: dict[str, object], sid: str = SID) -> bytes:
    """A row of the Claude producer of `sse_lines`; it names no process, so that none is looked for."""
    body = {"timestamp": "2026-01-10T10:00:00.000Z", "type": "event_msg", "payload": {"type": event, **payload}}
    row = {
        "event": f"claude.{event}",
        "t": "2026-01-10T10:00:00.000",
        "line": f"data: {json.dumps(body)}",
        "round": "019aa957-f176-7a3f-819c-0d4e71b28560",
        "metadata": json.dumps({"ver": "claude-code-2.0.42", "cwd": "/home/dev/app"}),
        "flow_id": "msg_1",
        "data_count": 0,
        "sid": sid,
    }
    return json.dumps(row).encode() + b"\n"


def delta(text: str) -> bytes:
    piece = {"type": "text_delta", "text": text}
    return line("content_block_delta", {"index": 0, "delta_type": "text_delta", "delta": piece, "request_id": "req_1"})


PROMPT = line("user_prompt", {"prompt": "say something", "mode": "prompt", "message_uuid": "u1"})
START = line("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}, "request_id": "req_1"})
STOP = line("stop", {"agent_id": SID, "is_subagent": False})
END = line("session_end", {"reason": "prompt_input_exit"})


class Attached:
    """The command in a process of its own, its output read as it comes."""

    def __init__(self, eventsrc: Eventsrc, *arguments: str) -> None:
        environment = {**os.environ, "EVENTSRC_DATA": str(eventsrc.data), "HOME": str(eventsrc.home)}
        self.process = subprocess.Popen(
            [*EVENTSRC, "attach", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._eventsrc = eventsrc
        self.output = b""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def until(self, text: str) -> None:
        """Until it has printed something."""
        self._eventsrc.until(lambda: text.encode() in self.output)

    def end(self) -> tuple[int, str]:
        """Its exit code and its messages, when it has ended."""
        self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        assert self.process.stderr is not None and self.process.stdout is not None
        messages = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.process.stdout.close()
        return self.process.returncode, messages

    def _read(self) -> None:
        assert self.process.stdout is not None
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.output += part


@contextmanager
def attached(eventsrc: Eventsrc, *arguments: str) -> Iterator[Attached]:
    """An attached reader that is gone when the block ends."""
    one = Attached(eventsrc, *arguments)
    try:
        yield one
    finally:
        if one.process.returncode is None:
            one.process.kill()
            one.end()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A log that an agent has begun to write."""
    folder = tmp_path / "agent"
    folder.mkdir()
    path = folder / "sse_lines.jsonl"
    path.write_bytes(PROMPT + START + delta("Hel"))
    return path


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def test_what_was_is_shown_and_what_comes_and_the_end_is_the_outcome(eventsrc: Eventsrc, source: Path) -> None:
    eventsrc.start(source.parent)
    eventsrc.until_applied(3)
    with attached(eventsrc, SID[:6]) as reader:
        reader.until("❯ say something\n⏺ Hel")
        append(source, delta("lo"))
        reader.until("⏺ Hello")
        append(source, STOP, END)
        code, messages = reader.end()
    assert (code, messages) == (0, "")
    text = reader.output.decode()
    assert text.startswith(f"● session {SID}\n")
    assert "\n⏺ Hello\n■ round complete" in text and text.endswith("○ ended: prompt_input_exit\n")
    assert "\x1b" not in text, "a pipe gets no colours"


def test_a_session_that_ends_within_a_round_was_interrupted(eventsrc: Eventsrc, source: Path) -> None:
    eventsrc.start(source.parent)
    eventsrc.until_applied(3)
    with attached(eventsrc, SID) as reader:
        reader.until("Hel")
        append(source, line("session_end", {"reason": "SIGINT"}))
        assert reader.end()[0] == 3


def test_who_detaches_stops_nothing(eventsrc: Eventsrc, source: Path) -> None:
    service = eventsrc.start(source.parent)
    eventsrc.until_applied(3)
    with attached(eventsrc, SID) as reader:
        reader.until("Hel")
        reader.process.send_signal(signal.SIGINT)
        code, messages = reader.end()
    assert code == 130
    assert f"detached; session {SID} goes on" in messages
    append(source, delta("lo"))
    eventsrc.until_applied(4)
    assert service.poll() is None


def test_one_line_per_event_and_one_json_value_per_event(eventsrc: Eventsrc, source: Path) -> None:
    append(source, delta("l\no"), STOP, END, line("user_prompt", {"prompt": "elsewhere"}, OTHER))
    eventsrc.json("ingest", str(source))
    done = eventsrc.run("attach", SID, "--tail")
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 6
    assert lines[3].endswith('text      "l␊o"')
    done = eventsrc.run("attach", SID, "--json")
    events = [json.loads(one) for one in done.stdout.splitlines()]
    assert [event["position"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert {event["subject"] for event in events} == {f"session/{SID}"}


def test_where_nothing_runs_it_shows_what_is_there_and_says_so(eventsrc: Eventsrc, source: Path) -> None:
    eventsrc.json("ingest", str(source))
    done = eventsrc.run("attach", SID)
    assert done.returncode == 3
    assert done.stdout.decode().endswith("⏺ Hel\n")
    assert "nothing writes this log now" in done.stderr.decode()


def test_an_id_that_means_several_and_one_that_means_none(eventsrc: Eventsrc, source: Path) -> None:
    append(source, line("user_prompt", {"prompt": "elsewhere"}, OTHER), line("session_end", {"reason": "clear"}, OTHER))
    eventsrc.json("ingest", str(source))
    done = eventsrc.run("attach", "3b1f")
    assert (done.returncode, done.stdout) == (2, b"")
    assert SID in done.stderr.decode() and OTHER in done.stderr.decode()
    done = eventsrc.run("attach", "nobody")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "There is no session whose id begins with nobody" in done.stderr.decode()
    assert "eventsrc agents sessions" in done.stderr.decode()
    assert eventsrc.run("attach").returncode == 2
    assert eventsrc.run("attach", "").returncode == 2
    assert eventsrc.run("attach", OTHER).returncode == 3


def test_without_a_store_it_says_what_to_do(eventsrc: Eventsrc) -> None:
    done = eventsrc.run("attach", SID)
    assert (done.returncode, done.stdout) == (10, b"")
    assert "eventsrc serve" in done.stderr.decode()


@pytest.mark.parametrize("how", [[], ["--tail"]])
def test_what_an_agent_wrote_cannot_act_on_the_terminal(eventsrc: Eventsrc, source: Path, how: list[str]) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\u202egnp.exe\r\x9b31m"
    append(source, delta("\x1b"), delta("[31m"), delta(evil), END)
    eventsrc.json("ingest", str(source))
    shown = eventsrc.run("attach", SID, *how).stdout.decode()
    assert not set("\x1b\x07\r\x9b\u202e") & set(shown)
    assert "␛" in shown and "<U+202E>" in shown


def test_a_terminal_gets_colours_unless_it_is_asked_not_to(eventsrc: Eventsrc, source: Path) -> None:
    append(source, END)
    eventsrc.json("ingest", str(source))

    def screen(*arguments: str, **more: str) -> bytes:
        ours, theirs = pty.openpty()
        environment = {**os.environ, "EVENTSRC_DATA": str(eventsrc.data), **more}
        with subprocess.Popen([*EVENTSRC, "attach", SID, *arguments], env=environment, stdout=theirs) as process:
            os.close(theirs)
            shown = b""
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # how Linux says that the other side is closed
                    part = b""
                if not part:
                    break
                shown += part
            process.wait(PATIENCE)
        os.close(ours)
        return shown

    assert b"\x1b[36m" in screen()
    assert b"\x1b" not in screen("--no-color")
    assert b"\x1b" not in screen(NO_COLOR="1")


@pytest.mark.slow
def test_a_long_past_is_shown_whole_and_in_order(eventsrc: Eventsrc, tmp_path: Path) -> None:
    path = tmp_path / "sse_lines.jsonl"
    lines = [one + b"\n" for one in generate_sse_lines(2_500, 5, claude=2, codex=1)]
    path.write_bytes(b"".join(lines))
    eventsrc.json("ingest", str(path))
    for session in eventsrc.json("agents", "sessions"):
        done = eventsrc.run("attach", session["sid"], "--json")
        positions = [json.loads(one)["position"] for one in done.stdout.splitlines()]
        said = f'"sid":"{session["sid"]}"'.encode()
        assert positions == [number for number, one in enumerate(lines, 1) if said in one]
        story = eventsrc.run("attach", session["sid"]).stdout.decode()
        prompts = [row for row in eventsrc.json("agents", "rounds", session["sid"]) if row["user_prompt"]]
        assert story.count("\n❯ ") == len(prompts) > 1
