"""`eventsrc attach EXPERIMENT`: how far it is, or what is said, each event once, and the outcome at the end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.end_to_end.service_kit import Eventsrc
from tests.end_to_end.test_attach import attached
from tests.end_to_end.test_experiments_commands import lab
from tests.unit.experiments_kit import dialogue, line, said

RUNNING = len(dialogue(end=None)) + 1 + len(dialogue(turns=1))


def later(*lines: bytes) -> bytes:
    """Lines of an experiment that goes on: long after anybody runs this."""
    return b"".join(one.replace(b"2026-02-03", b"2999-02-03") + b"\n" for one in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a dialogue that has had two of two turns, and no end yet."""
    folder = lab(tmp_path / "lab", end=None)
    path = folder / "experiments/calm-lake_0a1b2c3d/conv_1_events.jsonl"
    path.write_bytes(later(*dialogue(end=None)))
    return path


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(later(*lines))


@pytest.mark.slow
@pytest.mark.parametrize(("reason", "code"), [("max_turns", 0), ("error", 1), ("user_interrupt", 3)])
def test_the_bar_follows_and_ends_with_the_outcome(eventsrc: Eventsrc, log: Path, reason: str, code: int) -> None:
    eventsrc.start(log.parents[2])
    eventsrc.until_applied(RUNNING)
    with attached(eventsrc, "calm-lake") as reader:
        reader.until("running: 0/1 conversations, 2/2 turns, 54.5 turns/min, convergence 0.25, 4 messages")
        append(log, said("agent_a", "one more", 40))
        reader.until("5 messages")
        append(log, line("ConversationEndEvent", 50, reason=reason))
        ended, messages = reader.end()
    assert (ended, messages) == (code, "")
    assert b"conv_1" in reader.output.splitlines()[-1]


@pytest.mark.slow
def test_tail_shows_what_was_and_what_comes_each_once(eventsrc: Eventsrc, log: Path) -> None:
    eventsrc.start(log.parents[2])
    eventsrc.until_applied(RUNNING)
    with attached(eventsrc, "experiment_0a", "--tail") as reader, attached(eventsrc, "calm-lake", "--json") as other:
        reader.until("turn 1 done, convergence 0.25")
        append(log, said("agent_a", "and then?", 40))
        reader.until("agent_a: and then?")
        (log.parent / "conv_2_events.jsonl").write_bytes(later(*dialogue("conv_2", 1)))
        reader.until("conv_2  ended: max_turns_reached")
        append(log, line("ConversationEndEvent", 50, reason="max_turns"))
        assert reader.end()[0] == other.end()[0] == 0
    text = reader.output.decode()
    assert text.count("turn 0 begins") == 2 and text.count("The lake is calm, part 0.") == 2
    positions = [json.loads(one)["sequence"] for one in other.output.splitlines()]
    assert len(set(positions)) == len(positions) == 14 + 1 + 1 + 9 + 1


def test_an_experiment_that_ended_is_shown_and_left(eventsrc: Eventsrc, tmp_path: Path) -> None:
    eventsrc.json("ingest", str(lab(tmp_path / "lab")))
    done = eventsrc.run("attach", "calm-lake")
    assert done.returncode == 0 and b"max_turns_reached" in done.stdout
    chat = eventsrc.run("attach", "100000")
    assert chat.returncode == 3 and b"user_interrupt" in chat.stdout
    assert eventsrc.run("attach", "nothing").returncode == 1


@pytest.mark.slow
def test_detaching_stops_nothing(eventsrc: Eventsrc, log: Path) -> None:
    service = eventsrc.start(log.parents[2])
    eventsrc.until_applied(RUNNING)
    with attached(eventsrc, "calm-lake") as reader:
        reader.until("running")
        reader.process.send_signal(signal.SIGINT)
        code, messages = reader.end()
    assert code == 130 and "goes on" in messages
    assert eventsrc.status()["running"] and service.poll() is None


def test_without_a_writer_it_says_so(eventsrc: Eventsrc, log: Path) -> None:
    eventsrc.json("ingest", str(log.parents[2]))
    for mode in ((), ("--tail",)):
        done = eventsrc.run("attach", "calm-lake", *mode)
        assert done.returncode == 3 and b"nothing writes this log" in done.stderr
