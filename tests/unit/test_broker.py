"""The forwarder, as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from eventsrc import forward
from eventsrc.cli.broker import endpoint_of
from tests.unit.zmq_kit import Mesh, mesh

__all__ = ["mesh"]

BROKER = [sys.executable, "-m", "eventsrc.cli.main", "broker"]


@pytest.fixture
def broker() -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """A running one, and where agents publish to and subscribe."""
    command = [*BROKER, "--xsub", "127.0.0.1:*", "--xpub", "127.0.0.1:*", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield process, told["publish"], told["subscribe"]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_forwards_by_topic_and_ends_when_asked(
    mesh: Mesh, broker: tuple[subprocess.Popen[bytes], str, str], number: signal.Signals
) -> None:
    process, publish, subscribe = broker
    reader, writer = mesh.socket(zmq.SUB), mesh.socket(zmq.XPUB)
    reader.subscribe("gemini")
    reader.connect(subscribe)
    writer.connect(publish)
    assert writer.poll(5000) and writer.recv() == b"\x01gemini"  # the subscription went all the way
    writer.send_multipart([b"claude", b"not for us"])
    writer.send_multipart([b"gemini_cli", b'{"n":1}', b"third"])
    assert reader.poll(5000)
    assert reader.recv_multipart() == [b"gemini_cli", b'{"n":1}', b"third"]
    process.send_signal(number)
    assert process.wait(timeout=5) == 0


def test_it_ends_when_asked_also_while_it_never_pauses(
    mesh: Mesh, broker: tuple[subprocess.Popen[bytes], str, str]
) -> None:
    process, publish, subscribe = broker
    reader, writer = mesh.socket(zmq.SUB), mesh.socket(zmq.XPUB)
    reader.subscribe("")
    reader.connect(subscribe)
    writer.connect(publish)
    assert writer.poll(5000)
    for number in range(20):
        for _ in range(500):
            writer.send_multipart([b"t", b"x" * 1000])
        if number == 10:
            process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0


def test_a_port_that_is_taken_is_named_and_nothing_else_is_taken(
    broker: tuple[subprocess.Popen[bytes], str, str],
) -> None:
    _process, publish, _ = broker
    done = subprocess.run([*BROKER, "--xsub", publish], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert publish in done.stderr and "in use" in done.stderr and "Traceback" not in done.stderr


def test_endpoints_are_written_as_a_person_likes() -> None:
    assert endpoint_of("5555") == "tcp://127.0.0.1:5555"
    assert endpoint_of("0.0.0.0:1") == "tcp://0.0.0.0:1"
    assert endpoint_of("ipc:///tmp/x") == "ipc:///tmp/x"


def test_the_forwarder_knows_nothing_of_recording() -> None:
    named = set(re.findall(r"eventsrc\.(\w+)", Path(forward.__file__).read_text()))
    assert named <= {"errors", "limits"}
