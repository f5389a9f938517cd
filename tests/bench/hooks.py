"""From a hook of an agent that is sent over loopback until its answer, which waits for the disk, while others push."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice
from pathlib import Path

import psutil

from eventsrc.durable import sync_file
from eventsrc.http.hooks import HOOKS_PATH
from eventsrc.testing.generate import generate_sse_lines
from tests.bench.latency import Client
from tests.bench.material import Material
from tests.bench.running import PATIENCE, Running, running
from tests.bench.table import Row

PAUSE_SECONDS = 0.005
"""From one hook to the next: busier than any agent."""
PUSHED, PUSH_SECONDS = 20, 0.1
"""What others push meanwhile: 200 events a second."""
ALLOWED_MS = 5.0
_HOOK = (
    b'{"session_id":"3b1f0c52-8a44-4d0e-9c1e-5d2f7a90c6e1","hook_event_name":"PostToolUse","cwd":"/home/dev",'
    b'"tool_name":"Bash","tool_input":{"command":"ls"},"tool_response":{"stdout":"' + b"a line of output " * 20 + b'"},'
    b'"tool_use_id":"toolu_%06d"}'
)


def measure(material: Material) -> list[Row]:
    """The median and the 99th percentile, beside a bare sync and round trip over loopback."""
    count = material.sizes.hooks
    with running(material.place("hooks"), material.folder / "nothing") as service, pushing(service):
        answered = _told(_port_of(service), count)
        assert _recorded(service) >= count
    with answering(material.place("bare")) as port:
        bare = _told(port, count)
    against = "a bare sync and round trip"
    p99, bound = _share(answered, 0.99), _share(bare, 0.99)
    return [
        Row("hook answered, p50", _share(answered, 0.5), "ms", against, _share(bare, 0.5)),
        Row("hook answered, p99", p99, "ms", against, bound, "≤ 5 ms", p99 <= ALLOWED_MS),
    ]


def _told(port: int, count: int) -> list[float]:
    """Seconds from connecting to the answer, of each hook. As agents do it, each has a connection of its own."""
    taken: list[float] = []
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began + number * PAUSE_SECONDS - time.perf_counter()))
        body = _HOOK % number
        head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (HOOKS_PATH.encode(), len(body))
        at = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(head + body)
            answer = connection.recv(4096)
        taken.append(time.perf_counter() - at)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
    return taken


@contextmanager
def pushing(service: Running) -> Iterator[None]:
    """Pushes all the time, on a thread."""
    lines = cycle(list(generate_sse_lines(1_000)))
    done = threading.Event()

    def push() -> None:
        with closing(Client(service.socket)) as client:
            while not done.wait(PUSH_SECONDS):
                client.push(b"".join(line + b"\n" for line in islice(lines, PUSHED)))

    with _beside(push):
        try:
            yield
        finally:
            done.set()


@contextmanager
def answering(path: Path) -> Iterator[int]:
    """The port of a server that appends what it receives to a file, syncs, and answers: the least that can be done."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        while (connection := listening.accept()[0]) is not None:
            with connection:
                received = connection.recv(65536)
                if not received:
                    break
                os.write(file, received)
                sync_file(file)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        os.close(file)

    with listening, _beside(answer):
        port = listening.getsockname()[1]
        try:
            yield port
        finally:
            socket.create_connection(("127.0.0.1", port)).close()


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _port_of(service: Running) -> int:
    listening = (one for one in service.process.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    return int(next(listening).laddr.port)


def _recorded(service: Running) -> int:
    """Hooks in the log."""
    segments = (service.data / "log").glob("0*.jsonl")
    return sum(path.read_bytes().count(b'"source":"urn:eventsrc:hooks:claude-code"') for path in segments)


def _share(seconds: list[float], share: float) -> float:
    """That share of them took no longer, in milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000
