"""A recorder that runs: the one that is there, or a new one in the background."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from eventsrc.errors import EventsrcError, LockHeld, RecorderFailed
from eventsrc.http import Client
from eventsrc.limits import LAUNCH_READY_SECONDS, LAUNCH_TELL_SECONDS
from eventsrc.service.offline import client

LOG = "service.log"
LOOK_SECONDS = 0.05


def ensure_running(place: Path, options: Sequence[str], say: Callable[[str], None]) -> Client:
    """The recorder of the data directory `place`, ready to be asked. `options` go to `eventsrc serve` when it has to
    be started; it then belongs to nobody, writes to `service.log` in the data directory and outlives us.

    Raises RecorderFailed when it ends at once, or is not ready in time."""
    service = client(place)
    if service.running() and _ready(service):
        return service
    place.mkdir(parents=True, exist_ok=True)
    log = place / LOG
    said = log.stat().st_size if log.exists() else 0
    process = _start(place, options)
    _wait(service, process, lambda: _last_words(log, said), log)
    if process.poll() is None:
        say(f"a recorder runs in the background now (pid {process.pid}); what it says is in {log}")
    return service


def _start(place: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "eventsrc.cli.main", "serve", "--data", str(place), *options]
    with (place / LOG).open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait(service: Client, process: subprocess.Popen[bytes], last_words: Callable[[], str], log: Path) -> None:
    """Another one may start at the same moment: the one that finds the log locked ends, and the other is as good."""
    deadline = time.monotonic() + LAUNCH_READY_SECONDS
    while not (service.running() and _ready(service)):
        ended = process.poll()
        if ended not in (None, LockHeld.exit_code):
            raise RecorderFailed(reason=last_words() or f"it ended with exit code {ended}", log=log)
        if time.monotonic() > deadline:
            raise RecorderFailed(reason=f"it is not ready after {LAUNCH_READY_SECONDS:.0f} seconds", log=log)
        time.sleep(LOOK_SECONDS)


def _ready(service: Client) -> bool:
    try:
        service.request("GET", "/v1/status", seconds=LAUNCH_TELL_SECONDS)
    except EventsrcError:
        return False
    return True


def _last_words(log: Path, after: int) -> str:
    """What it said about its end: the last line that begins like a command's error."""
    lines = log.read_bytes()[after:].decode("utf-8", "replace").splitlines()
    return next((line.removeprefix("eventsrc: ") for line in reversed(lines) if line.startswith("eventsrc: ")), "")
