"""A mesh of real processes: a forwarder, a recorder and agents, each of which may be killed and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eventsrc.event import Event
from eventsrc.log import LogReader
from tests.end_to_end.service_kit import EVENTSRC, Eventsrc
from tests.unit.zmq_kit import free_endpoint

AGENT = [sys.executable, str(Path(__file__).with_name("mesh_agent.py"))]


class Recorder(Eventsrc):
    """The kit of the service, listening to a mesh."""

    def __init__(self, data: Path, subscribe: str, pull: str) -> None:
        super().__init__(data)
        self._mesh = {
            "EVENTSRC_ZMQ_ENABLED": "1",
            "EVENTSRC_ZMQ_SUBSCRIBE": subscribe,
            "EVENTSRC_ZMQ_PULL": pull,
            "EVENTSRC_LIVENESS_ENABLED": "0",
        }

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self._mesh}


class Mesh:
    """All of it. Processes have names; starting one that ended starts it anew."""

    def __init__(self, folder: Path) -> None:
        self._witnesses = folder / "witnesses"
        self._witnesses.mkdir()
        self._publish, self._subscribe, self._pull = (free_endpoint() for _ in range(3))
        self.recorder = Recorder(folder / "data", self._subscribe, self._pull)
        self._service: subprocess.Popen[bytes] | None = None
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._before: dict[str, int] = {}

    def start(self, name: str) -> None:
        """`broker`, `recorder`, `talk-ada`, `talk-bob`, `tell-eve`, `fire-joe`."""
        if name == "recorder":
            self._service = self.recorder.start()
            return
        self._before[name] = len(self.witnessed(name, "sent"))
        self._running[name] = subprocess.Popen(self._command(name))

    def end(self, name: str, how: signal.Signals) -> None:
        """By its pid, and waits for it."""
        if name == "recorder":
            assert self._service is not None
            self.recorder.stop(self._service, how)
            return
        process = self._running.pop(name)
        process.send_signal(how)
        process.wait(timeout=60)

    def close(self) -> None:
        """Ends what still runs."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self.recorder.close()

    def speaks(self, name: str) -> bool:
        """Whether an agent has said something since it was started the last time."""
        return len(self.witnessed(name, "sent")) > self._before[name]

    def witnessed(self, name: str, kind: str) -> list[Any]:
        """What an agent noted down; a last line that was cut by a kill was never acted on."""
        path = self._witnesses / f"{name}.{kind}"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def events(self) -> Iterator[Event]:
        """Everything in the log, in order."""
        reader, after = LogReader(self.recorder.data), 0
        while found := reader.read(after):
            yield from found
            after = found[-1].position

    def _command(self, name: str) -> list[str]:
        kind, _, who = name.partition("-")
        witness = str(self._witnesses / name)
        if kind == "broker":
            return [*EVENTSRC, "broker", "--xsub", self._publish, "--xpub", self._subscribe]
        if kind == "talk":
            peer = "bob" if who == "ada" else "ada"
            return [*AGENT, kind, who, peer, witness, self._publish, self._subscribe, self._pull]
        where = (
            f"unix://{self.recorder.data}/eventsrc.sock" if kind == "tell" else self._pull.replace("tcp", "zmq+push")
        )
        return [*AGENT, kind, who, witness, where]
