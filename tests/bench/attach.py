"""From the write of a delta into a session's source file until a reader that is attached shows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.bench.material import Material
from tests.bench.running import PATIENCE, running
from tests.bench.table import Row

SID = "3b1f0c52-8a44-4d0e-9c1e-5d2f7a90c6e1"
PAUSE_SECONDS = 0.05
"""Between two deltas: slow enough that each is on its own, fast enough to be a model that types."""
_MARK = re.compile(rb"<(\d+)>")


def measure(material: Material) -> list[Row]:
    """The median and the 99th percentile."""
    folder = material.place("agent")
    folder.mkdir()
    path = folder / "sse_lines.jsonl"
    path.write_bytes(_line("user_prompt", {"prompt": "type"}) + _line("content_block_start", {"content_block": _TEXT}))
    with running(material.place("data"), path) as service:
        service.wait_for(2)
        latencies = _watch(service.data, path, material.sizes.deltas)
    ordered = sorted(latencies)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000
    median = ordered[len(ordered) // 2] * 1000
    what = "source file → `attach`, {}"
    return [
        Row(what.format("median"), median, "ms", "bound", 250),
        Row(what.format("p99"), p99, "ms", "bound", 250, "≤ 250 ms", p99 <= 250),
    ]


def _watch(data: Path, path: Path, count: int) -> list[float]:
    """Seconds from the write of each delta to the moment in which its text came out of the reader."""
    command = [sys.executable, "-m", "eventsrc.cli.main", "attach", SID, "--data", str(data)]
    written: dict[int, float] = {}
    seen: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        output, began = reader.stdout.fileno(), threading.Event()

        def look() -> None:
            rest = b""
            while part := os.read(output, 65536):
                now = time.perf_counter()
                began.set()
                rest += part
                for mark in _MARK.finditer(rest):
                    seen.setdefault(int(mark[1]), now)
                rest = rest[rest.rfind(b"<") :] if b"<" in rest else b""

        looking = threading.Thread(target=look)
        looking.start()
        try:
            assert began.wait(PATIENCE), "the reader shows nothing"
            with path.open("ab", buffering=0) as file:
                for number in range(count):
                    line = _line("content_block_delta", {"delta": {"type": "text_delta", "text": f"<{number}> "}})
                    written[number] = time.perf_counter()
                    file.write(line)
                    time.sleep(PAUSE_SECONDS)
            deadline = time.monotonic() + PATIENCE
            while len(seen) < count and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS)
        finally:
            reader.terminate()
            looking.join()
    return [seen[number] - began_at for number, began_at in written.items()]


_TEXT = {"type": "text", "text": ""}


def _line(event: str, payload: dict[str, object]) -> bytes:
    body = {"timestamp": "2026-01-10T10:00:00.000Z", "type": "event_msg"}
    body |= {"payload": {"type": event, "index": 0, "request_id": "req_1", **payload}}  # type: ignore[dict-item]
    row = {"event": f"claude.{event}", "t": "2026-01-10T10:00:00.000", "line": f"data: {json.dumps(body)}"}
    return json.dumps({**row, "flow_id": "msg_1", "data_count": 0, "sid": SID}).encode() + b"\n"
