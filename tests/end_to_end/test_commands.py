"""Every command, with good input, bad input and none, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eventsrc.testing.generate import generate_sse_lines
from tests.end_to_end.service_kit import Eventsrc


def stream(path: Path, lines: int, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line.rstrip(b"\n") + b"\n" for line in generate_sse_lines(lines, seed)))
    return path


def test_ingest_twice_changes_nothing(eventsrc: Eventsrc, tmp_path: Path) -> None:
    file = stream(tmp_path / "in/sse_lines.jsonl", 500)
    first = eventsrc.json("ingest", str(file))
    assert (first["read"], first["appended"], first["duplicates"], first["quarantined"]) == (500, 500, 0, 0)
    assert (first["first_position"], first["last_position"]) == (1, 500)
    again = eventsrc.json("ingest", str(file))
    assert (again["read"], again["appended"], again["duplicates"]) == (500, 0, 500)
    assert eventsrc.json("verify") == {"ok": True, "segments": 1, "events": 500, "problems": []}


def test_records_come_back_byte_for_byte(eventsrc: Eventsrc, tmp_path: Path) -> None:
    lines = [
        b'{"a": 1.0, "a":2}',
        b"not json",
        b'{"crlf":1}\r',
        b"\xff\x00\xfe",
        '{"é":"\u2028"}'.encode(),
        b'"\\ud800"',
    ]
    file = tmp_path / "odd.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    assert eventsrc.json("ingest", str(file))["appended"] == len(lines)
    assert eventsrc.run("tail", "-n", "100", "--raw").stdout == file.read_bytes()
    for line in eventsrc.run("tail", "-n", "100", "-o", "cloudevents").stdout.splitlines():
        event = json.loads(line)
        assert event["specversion"] == "1.0" and event["id"] and event["source"] and event["type"]


def test_standard_input_is_recorded(eventsrc: Eventsrc) -> None:
    report = eventsrc.json("ingest", "-", stdin=b'{"a":1}\nnot json\n\n{"b":2}')
    assert (report["read"], report["appended"]) == (3, 3)
    assert eventsrc.run("tail", "--raw").stdout == b'{"a":1}\nnot json\n{"b":2}\n'


def test_the_questions_of_agents_answer(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(stream(tmp_path / "sse_lines.jsonl", 3000)))
    sessions = eventsrc.json("agents", "sessions")
    assert {one["agent"] for one in sessions} == {"claude_code", "codex"}
    sid = next(one["sid"] for one in sessions if one["agent"] == "claude_code")
    assert eventsrc.json("agents", "session", sid[:8])[0]["sid"] == sid
    rounds = eventsrc.json("agents", "rounds", sid)
    assert rounds[0]["user_prompt"]
    blocks = eventsrc.json("agents", "round", rounds[0]["round_id"])
    tool = next(one for one in blocks if one["tool_use_id"])
    (call,) = eventsrc.json("agents", "tool", tool["tool_use_id"])
    assert json.loads(call["input"]) is not None and call["tool_name"] == tool["tool_name"]
    assert isinstance(eventsrc.json("agents", "pending"), list)
    (counted,) = eventsrc.json("query", "agents", "SELECT count(*) AS n FROM sessions")
    assert counted["n"] == len(sessions)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("status",), 10, "no event store"),
        (("tail",), 10, "no event store"),
        (("verify",), 10, "no event store"),
        (("rebuild",), 10, "no event store"),
        (("checkpoint",), 10, "no event store"),
        (("checkpoint", "list"), 10, "no event store"),
        (("query", "agents", "SELECT 1"), 10, "no event store"),
        (("agents", "sessions"), 10, "no event store"),
        (("ingest",), 2, "Name a file"),
        (("ingest", "-", "x"), 2, "cannot be mixed"),
        (("nonsense",), 2, "No such command"),
        (("agents", "nonsense"), 2, "No such command"),
        (("tail", "--since", "nonsense"), 2, "is not a time"),
        (("config", "--config", "missing.toml"), 2, "missing.toml"),
    ],
)
def test_bad_input_gets_a_clear_error(eventsrc: Eventsrc, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = eventsrc.run(*arguments)
    assert done.returncode == code, done.stderr.decode()
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not (eventsrc.data / "log").exists()


def test_a_question_that_writes_is_refused(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(stream(tmp_path / "sse_lines.jsonl", 50)))
    for sql in ("DELETE FROM sessions", "ATTACH 'x' AS y", "SELECT 1; SELECT 2", "SELECT load_extension('x')", "SELEC"):
        done = eventsrc.run("query", "agents", sql)
        assert done.returncode == 1 and b"Traceback" not in done.stderr, sql
    assert eventsrc.run("query", "nothing", "SELECT 1").returncode == 2


def test_a_file_that_is_not_there_is_named(eventsrc: Eventsrc, tmp_path: Path) -> None:
    report = eventsrc.json("ingest", str(tmp_path / "missing.jsonl"), code=3)
    assert list(report["problems"]) == [str(tmp_path / "missing.jsonl")]


def test_a_flipped_bit_is_named_and_the_service_refuses(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(stream(tmp_path / "a.jsonl", 300)))
    eventsrc.json("ingest", str(stream(tmp_path / "b.jsonl", 300, 2)))
    (segment,) = (eventsrc.data / "log").glob("0*.jsonl")
    data = bytearray(segment.read_bytes())
    data[1000] ^= 1
    segment.write_bytes(data)
    verdict = eventsrc.json("verify", code=12)
    (problem,) = verdict["problems"]
    assert problem["segment"] == segment.name and problem["line"] >= 1 and problem["byte"] <= 1000
    refused = eventsrc.run("serve", str(tmp_path))
    assert refused.returncode == 12 and b"verify" in refused.stderr
    assert segment.read_bytes() == data, "nothing was changed"


def test_who_names_what_is_not_there_is_told_where_the_names_are(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(stream(tmp_path / "a.jsonl", 1)))
    advice = {
        "agents session": b"eventsrc agents sessions",
        "agents compare nothing": b"eventsrc agents sessions",
        "agents tool": b"eventsrc agents round",
        "experiments turns": b"eventsrc experiments list",
        "conversations thread": b"eventsrc conversations threads",
        "checkpoint restore": b"eventsrc checkpoint list",
        "attach": b"eventsrc agents sessions",
    }
    for words, listed in advice.items():
        done = eventsrc.run(*words.split(), "nothing")
        assert done.returncode == 1 and b"nothing" in done.stderr and listed in done.stderr, words


def test_version_and_settings(eventsrc: Eventsrc) -> None:
    assert eventsrc.run("--version").stdout.startswith(b"eventsrc ")
    shown = eventsrc.json("config")
    assert shown["settings"]["data"] == str(eventsrc.data) and shown["origin"]["data"] == "environment"


def test_the_data_directory_may_be_named_before_the_command_or_after_it(eventsrc: Eventsrc, tmp_path: Path) -> None:
    before, after = str(tmp_path / "before"), str(tmp_path / "after")
    assert eventsrc.json("--data", before, "config")["settings"]["data"] == before
    assert eventsrc.json("--data", before, "config", "--data", after)["settings"]["data"] == after


def test_the_demo_shows_that_it_works(eventsrc: Eventsrc) -> None:
    shown = eventsrc.json("demo", "--seconds", "1")
    assert shown["written"] == shown["head"] == 400 and len(shown["sessions"]) == 4


@pytest.mark.parametrize("command", [("serve", "."), ("ingest", ".")])
def test_a_data_directory_that_cannot_be_is_named(eventsrc: Eventsrc, command: tuple[str, ...]) -> None:
    done = eventsrc.run(*command, "--data", "/dev/null/x")
    assert done.returncode == 4 and b"Traceback" not in done.stderr
    assert b"/dev/null/x/log" in done.stderr
