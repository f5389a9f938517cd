"""The whole run, as a person does it: start, write, look, kill, start again, rebuild, checkpoint, restore, verify."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from eventsrc.testing.generate import generate_sse_lines
from tests.end_to_end.service_kit import EVENTSRC, Eventsrc

LINES = [line.rstrip(b"\n") + b"\n" for line in generate_sse_lines(4000, 3)]


def append(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def dump(data: Path) -> list[str]:
    """Everything in the read model that answers now, but how it was numbered."""
    folder = data / "read/agents"
    with sqlite3.connect(folder / (folder / "current").read_text().strip()) as connection:
        rows = [line for line in connection.iterdump() if "applied_at" not in line]
    connection.close()
    return rows


@pytest.mark.slow
def test_a_service_that_is_killed_again_and_again_loses_and_doubles_nothing(eventsrc: Eventsrc, tmp_path: Path) -> None:
    folder = tmp_path / "agents"
    folder.mkdir()
    file = folder / "sse_lines.jsonl"
    for number in range(4):
        service = eventsrc.start(folder)
        append(file, LINES[number * 1000 : number * 1000 + 500])
        eventsrc.until(lambda number=number: eventsrc.status()["head"] >= number * 1000 + 200)
        append(file, LINES[number * 1000 + 500 : number * 1000 + 1000])
        eventsrc.stop(service, signal.SIGKILL)
    service = eventsrc.start(folder)
    eventsrc.until(lambda: eventsrc.status()["sources"][0]["behind_bytes"] == 0)
    recorded = eventsrc.run("tail", "-n", "100000", "--raw", "-g", '"source":"file:')
    assert recorded.stdout == file.read_bytes()
    head = eventsrc.status()["head"]
    eventsrc.until_applied(head)
    assert eventsrc.stop(service) == 0
    assert eventsrc.json("verify")["ok"]
    live = dump(eventsrc.data)
    assert eventsrc.json("rebuild")["agents"]["dead_letters"] == 0
    assert dump(eventsrc.data) == live


@pytest.mark.slow
def test_commands_work_beside_the_service(eventsrc: Eventsrc, tmp_path: Path) -> None:
    folder = tmp_path / "agents"
    folder.mkdir()
    service = eventsrc.start(folder)
    tail = subprocess.Popen(
        [*EVENTSRC, "tail", "-f", "-n", "100", "--raw", "-g", '"source":"file:', "--data", str(eventsrc.data)],
        stdout=subprocess.PIPE,
    )
    try:
        assert tail.stdout is not None
        append(folder / "sse_lines.jsonl", LINES[:3])
        assert [tail.stdout.readline() for _ in range(3)] == LINES[:3]
    finally:
        tail.kill()
        tail.communicate()
    report = eventsrc.json("ingest", "-", stdin=b'{"x":1}\nno json\n')
    assert (report["read"], report["appended"]) == (2, 2)
    other = tmp_path / "other.jsonl"
    append(other, LINES[3:300])
    report = eventsrc.json("ingest", str(other))
    assert (report["read"], report["appended"], report["duplicates"]) == (297, 297, 0)
    made = eventsrc.json("checkpoint", "create", "--label", "before")
    assert made["position"] >= 302 and Path(made["path"]).is_dir() and len(made["digest"]) == 64
    rebuilt = eventsrc.json("rebuild", "agents")
    assert rebuilt["agents"]["events"] >= 302 and rebuilt["agents"]["generation"] == 2
    second = eventsrc.run("serve", str(folder))
    assert second.returncode == 11 and str(service.pid).encode() in second.stderr
    assert eventsrc.stop(service) == 0
    assert eventsrc.run("status").returncode == 3
    restored = eventsrc.json("checkpoint", "restore", "before")
    assert restored["id"] == made["id"]
    service = eventsrc.start(folder)
    eventsrc.until_applied(eventsrc.status()["head"])
    assert eventsrc.stop(service) == 0
    live = dump(eventsrc.data)
    eventsrc.json("rebuild")
    assert dump(eventsrc.data) == live
    assert eventsrc.json("checkpoint", "verify", "before")["ok"]
    assert [one["label"] for one in eventsrc.json("checkpoint", "list") if one["label"]] == ["before"]


@pytest.mark.slow
def test_with_nothing_to_follow_it_says_what_to_do_and_takes_what_is_pushed(eventsrc: Eventsrc) -> None:
    service = eventsrc.start()
    assert eventsrc.json("ingest", "-", stdin=b'{"x":1}\n')["appended"] == 1
    service.send_signal(signal.SIGTERM)
    _, said = service.communicate(timeout=30)
    assert service.returncode == 0
    assert b"eventsrc serve PATH" in said and b"\n  Or see it work first: eventsrc demo\n" in said
    assert b"Traceback" not in said


@pytest.mark.slow
def test_the_folders_of_agents_are_found_without_any_setting(eventsrc: Eventsrc) -> None:
    folder = eventsrc.home / ".claude/projects/x"
    folder.mkdir(parents=True)
    append(folder / "sse_lines.jsonl", LINES[:50])
    service = eventsrc.start()
    eventsrc.until_applied(50)
    assert eventsrc.stop(service) == 0
