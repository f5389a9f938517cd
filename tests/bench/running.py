"""A service in a process of its own, as a person runs it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from eventsrc.http.unix import connect_unix

PATIENCE = 300.0  # seconds that anything here may take before the run is given up
MIB = 1024 * 1024


class Running:
    """What is known of it from outside."""

    def __init__(self, data: Path, process: psutil.Process) -> None:
        self.data = data
        self.process = process

    @property
    def socket(self) -> Path:
        return self.data / "eventsrc.sock"

    def position(self) -> int:
        """The position of the read model `agents`; 0 when it does not answer yet."""
        folder = self.data / "read" / "agents"
        try:
            path = folder / (folder / "current").read_text().strip()
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                return int(connection.execute("SELECT position FROM position").fetchone()[0])
        except (OSError, sqlite3.Error):
            return 0

    def wait_for(self, position: int) -> None:
        """Returns when the read model has reached a position."""
        deadline = time.monotonic() + PATIENCE
        while self.position() < position:
            assert self.process.is_running() and time.monotonic() < deadline, f"still before {position}"
            time.sleep(0.05)

    def memory(self) -> float:
        """Resident memory in MiB."""
        return float(self.process.memory_info().rss) / MIB

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(data: Path, *paths: Path) -> Iterator[Running]:
    """`eventsrc serve` on these paths, until the block ends; only the Unix socket is open."""
    data.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "EVENTSRC_HTTP_LISTEN": "127.0.0.1:0", "HOME": str(data)}
    command = [sys.executable, "-m", "eventsrc.cli.main", "serve", "--data", str(data), *map(str, paths)]
    with (data / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen(command, env=environment, stdout=stderr, stderr=stderr)
    try:
        service = Running(data, psutil.Process(process.pid))
        deadline = time.monotonic() + PATIENCE
        while not _answers(service.socket):
            assert process.poll() is None and time.monotonic() < deadline, (data / "stderr.txt").read_text()
            time.sleep(0.05)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def _answers(path: Path) -> bool:
    try:
        connect_unix(path, 1.0).close()
    except OSError:
        return False
    return True
