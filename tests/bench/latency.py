"""From the push of an event until the read model shows it, while ten thousand a second are pushed."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import msgspec

from eventsrc.http.unix import connect_unix
from tests.bench.material import Material
from tests.bench.running import PATIENCE, Running, running
from tests.bench.table import Row

AT_ONCE = 100
CLIENTS = 8
"""Connections that take turns: one alone would wait for each sync before it sends more."""
LOOK_SECONDS = 0.002
"""How often the read model is asked; latencies are this much too large at most."""


class Client(HTTPConnection):
    """Pushes over the service's Unix socket, on one connection."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = connect_unix(self._path, PATIENCE)

    def push(self, body: bytes) -> int:
        """The last position of what was pushed, once it is durable."""
        self.request("POST", "/v1/events?source=urn:bench", body, {"content-type": "application/x-ndjson"})
        response = self.getresponse()
        answer = msgspec.json.decode(response.read())
        assert response.status == 201, answer
        return int(answer["last"])


def measure(material: Material) -> list[Row]:
    """The median, the 99th percentile and the rate that was reached."""
    sizes = material.sizes
    with material.sse_lines.open("rb") as file:
        lines = list(islice(file, int(sizes.push_rate * sizes.push_seconds)))
    bodies = [b"".join(lines[start : start + AT_ONCE]) for start in range(0, len(lines), AT_ONCE)]
    with running(material.place("latency"), material.folder / "nothing") as service:
        durable, visible, seconds = _push(service, bodies, AT_ONCE / sizes.push_rate)
    assert len(visible) == len(bodies)
    rate = len(lines) / seconds
    p99 = _share(visible, 0.99) * 1000
    return [
        Row("pushed at, over HTTP", rate, "events/s", "what was asked for", float(sizes.push_rate)),
        Row("pushed → durable, p99", _share(durable, 0.99) * 1000, "ms"),
        Row("pushed → visible, p50", _share(visible, 0.5) * 1000, "ms", "p99 that is allowed", 100.0),
        Row("pushed → visible, p99", p99, "ms", "p99 that is allowed", 100.0, "≤ 100 ms", p99 <= 100),
    ]


def _push(service: Running, bodies: list[bytes], pause: float) -> tuple[list[float], list[float], float]:
    """(seconds until durable, until visible, of all pushing) with a push every `pause` seconds, from its due time on:
    a push that could not start in time has waited already."""
    with closing(Client(service.socket)) as client:
        client.push(bodies[0])
    durable: list[float] = []
    visible: list[float] = []
    waiting: deque[tuple[int, float]] = deque()
    pushed = threading.Event()
    looking = threading.Thread(target=_look, args=(service, waiting, pushed, visible))
    looking.start()
    began = time.perf_counter()

    def produce(first: int) -> None:
        with closing(Client(service.socket)) as client:
            for number in range(first, len(bodies), CLIENTS):
                due = began + number * pause
                time.sleep(max(0.0, due - time.perf_counter()))
                last = client.push(bodies[number])
                durable.append(time.perf_counter() - due)
                waiting.append((last, due))

    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(produce, range(CLIENTS)))
        seconds = time.perf_counter() - began
    finally:
        pushed.set()
        looking.join()
    return durable, visible, seconds


def _look(service: Running, waiting: deque[tuple[int, float]], pushed: threading.Event, visible: list[float]) -> None:
    deadline = time.monotonic() + PATIENCE
    while (waiting or not pushed.is_set()) and time.monotonic() < deadline:
        position = service.position()
        now = time.perf_counter()
        for _ in range(len(waiting)):  # several clients: nearly in order
            last, due = waiting.popleft()
            if last <= position:
                visible.append(now - due)
            else:
                waiting.append((last, due))
        time.sleep(LOOK_SECONDS)


def _share(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]
