"""A mesh in which everything is killed in turn: what agents noted down against what is recorded, message by message."""

from __future__ import annotations

import json
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.end_to_end.mesh_kit import Mesh

pytestmark = pytest.mark.slow

Heard: TypeAlias = dict[tuple[str, str], list[int]]
"""(agent, run) → numbers in the order of the log."""

AGENTS = ("talk-ada", "talk-bob", "tell-eve", "fire-joe")
KILL, TERM = signal.SIGKILL, signal.SIGTERM
TROUBLE = [
    ("broker", KILL),
    ("recorder", KILL),
    ("talk-ada", KILL),
    ("recorder", TERM),
    ("tell-eve", KILL),
    ("broker", TERM),
    ("fire-joe", KILL),
    ("recorder", KILL),
    ("talk-bob", KILL),
]


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    made = Mesh(tmp_path)
    try:
        yield made
    finally:
        made.close()


class Recorded:
    """The log, sorted by the way in which messages came."""

    def __init__(self, mesh: Mesh) -> None:
        self.published: Heard = defaultdict(list)
        self.told: dict[str, Heard] = {"sent": defaultdict(list), "received": defaultdict(list)}
        self.fired: Heard = defaultdict(list)
        self.acked: dict[int, Any] = {}
        self.payloads: list[tuple[str, str]] = []
        self.gaps: list[Any] = []
        self.runs: dict[str, str] = {}
        for event in mesh.events():
            value = json.loads(event.raw)
            if event.type == "eventsrc.zmq.gap":
                self.gaps.append(value)
            elif event.source.startswith("zmq+sub:") and not event.type.startswith("eventsrc."):
                self.payloads.append((str(event.topic), event.raw.decode()))
                note(self.published, value)
            elif "event_type" in value:
                note(self.told[value["event_type"]], value["message"])
            elif "eventsrc" in value:
                note(self.fired, value)
                self.runs[value["content"]["run"]] = value["eventsrc"]["run"]
            elif event.source.startswith("urn:agent:"):
                self.acked[event.position] = value


def note(heard: Heard, message: Any) -> None:
    heard[message["from"], message["content"]["run"]].append(message["content"]["n"])


def calm(mesh: Mesh, *names: str) -> dict[tuple[str, str], int]:
    """Once everybody is heard on every way again: how far each agent is then."""
    mesh.recorder.until(lambda: all(map(mesh.speaks, names)))
    said = {name: mesh.witnessed(name, "sent")[-1] for name in names}
    mark = {(name.partition("-")[2], one["run"]): one["n"] for name, one in said.items()}

    def heard() -> bool:
        now = Recorded(mesh)
        ways = {key: [now.fired] if key[0] == "joe" else [now.published, *now.told.values()] for key in mark}
        return all(way[key][-1:] > [n] for key, n in mark.items() for way in ways[key])

    mesh.recorder.until(heard)
    return {key: mesh.witnessed(name, "sent")[-1]["n"] for name, key in zip(said, mark, strict=True)}


@pytest.mark.timeout(300)
def test_everything_is_killed_in_turn_and_nothing_acknowledged_is_missing(mesh: Mesh) -> None:
    for name in ("broker", "recorder", *AGENTS):
        mesh.start(name)
    for name, how in TROUBLE:
        time.sleep(0.4)  # under load, that is: this is how much of it there is between two troubles
        mesh.end(name, how)
        time.sleep(0.2)
        mesh.start(name)
    from_here = calm(mesh, "talk-ada", "talk-bob", "fire-joe")
    time.sleep(1.0)
    for name in AGENTS:
        mesh.end(name, TERM)
    mesh.end("recorder", TERM)
    recorded = Recorded(mesh)
    check_acknowledged(mesh, recorded)
    check_only_what_was_said(mesh, recorded)
    check_order(recorded)
    check_calm(mesh, recorded, from_here)
    check_gaps(recorded)
    assert mesh.recorder.json("verify")["ok"]


def check_acknowledged(mesh: Mesh, recorded: Recorded) -> None:
    """Every position that was heard holds exactly that message, and no message is there twice."""
    acked = mesh.witnessed("tell-eve", "acked")
    assert len(acked) > 200
    for one in acked:
        content = recorded.acked[one["position"]]["content"]
        assert (content["run"], content["n"]) == (one["run"], one["n"])
    all_of_them = [(value["content"]["run"], value["content"]["n"]) for value in recorded.acked.values()]
    assert len(set(all_of_them)) == len(all_of_them)


def check_only_what_was_said(mesh: Mesh, recorded: Recorded) -> None:
    """What is recorded was said, byte for byte, under its topic."""
    said = {
        (peer, one["payload"])
        for name, peer in (("talk-ada", "bob"), ("talk-bob", "ada"))
        for one in mesh.witnessed(name, "sent")
    }
    assert set(recorded.payloads) <= said
    assert len(set(recorded.payloads)) == len(recorded.payloads) > 500
    fired = {(one["run"], one["n"]) for one in mesh.witnessed("fire-joe", "sent")}
    assert {(run, n) for (_, run), numbers in recorded.fired.items() for n in numbers} <= fired


def check_order(recorded: Recorded) -> None:
    """On every way, each agent's messages are in its order, none twice."""
    for heard in (recorded.published, *recorded.told.values(), recorded.fired):
        for key, numbers in heard.items():
            assert numbers == sorted(set(numbers)), key


def check_calm(mesh: Mesh, recorded: Recorded, from_here: dict[tuple[str, str], int]) -> None:
    """While everything ran, nothing at all was lost, on any way, to the very last message."""
    for name in ("talk-ada", "talk-bob", "fire-joe"):
        agent, one = name.partition("-")[2], mesh.witnessed(name, "sent")[-1]
        key = (agent, one["run"])
        expected = list(range(from_here[key] + 1, one["n"] + 1))
        assert len(expected) > 40
        for way in [recorded.fired] if agent == "joe" else [recorded.published, recorded.told["sent"]]:
            assert [n for n in way[key] if n > from_here[key]] == expected, key
        received = [n for n in recorded.told["received"][key] if n > from_here[key]]
        assert received == expected[: len(received)], key  # the one who hears them may have ended first
        assert len(received) > 20 or agent == "joe"


def check_gaps(recorded: Recorded) -> None:
    """Of a sender that numbers its messages, exactly the missing ones were told."""
    told: dict[str, set[int]] = defaultdict(set)
    for gap in recorded.gaps:
        told[gap["run"]] |= set(range(gap["first"], gap["last"] + 1))
    for (_, run), numbers in recorded.fired.items():
        missing = set(range(numbers[0], numbers[-1])) - set(numbers)
        assert told[recorded.runs[run]] == missing


def test_both_observations_of_a_message_are_events_and_one_message(mesh: Mesh) -> None:
    for name in ("broker", "recorder", "talk-ada", "talk-bob"):
        mesh.start(name)
    calm(mesh, "talk-ada", "talk-bob")
    for name in ("talk-ada", "talk-bob"):
        mesh.end(name, TERM)
    mesh.recorder.until_applied(mesh.recorder.status()["head"])
    mesh.end("recorder", TERM)
    recorded = Recorded(mesh)
    everything = {
        (*key, n)
        for way in (recorded.published, *recorded.told.values())
        for key, numbers in way.items()
        for n in numbers
    }
    rows = mesh.recorder.json("query", "conversations", "SELECT count(*) AS n FROM messages")
    assert rows[0]["n"] == len(everything)
