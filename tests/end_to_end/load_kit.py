"""Producers that push events through a Unix socket, and remember exactly what they were told is durable."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import TracebackType

from eventsrc.errors import EventsrcError, NotRunning
from eventsrc.http.client import Client

TYPE = "application/cloudevents-batch+json"
BATCH = 20


class Load:
    """Pushes from several threads until it is left. A batch without an answer is pushed again, with the same ids."""

    def __init__(self, socket: Path, name: str, producers: int = 4) -> None:
        self.acknowledged: list[str] = []
        """Ids whose batch was answered as stored."""
        self.longest = 0.0
        """Seconds that one batch waited for its answer at most, repetitions included."""
        self.refused = 0
        """Connections that found nobody listening."""
        self._socket = socket
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._push, args=(f"{name}-{number}",), daemon=True) for number in range(producers)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _push(self, name: str) -> None:
        number = 0
        while not self._stopped.is_set():
            ids = [f"{name}-{number + one}" for one in range(BATCH)]
            number += BATCH
            began = time.monotonic()
            while not self._try(ids) and not self._stopped.is_set():
                time.sleep(0.02)
            else:
                if not self._stopped.is_set():
                    self.acknowledged += ids
                    self.longest = max(self.longest, time.monotonic() - began)

    def _try(self, ids: list[str]) -> bool:
        try:
            return push(self._socket, ids, seconds=5.0)
        except NotRunning:
            self.refused += 1
            return False


def push(socket: Path, ids: list[str], seconds: float = 30.0) -> bool:
    """One batch; True when it was answered as stored, False when the answer never came. Raises NotRunning when nobody
    listens."""
    events = [
        {"specversion": "1.0", "id": one, "source": "urn:load", "type": "load", "data": {"n": one}} for one in ids
    ]
    try:
        answer = Client(socket).push("/v1/events", json.dumps(events).encode(), {"content-type": TYPE}, seconds=seconds)
    except NotRunning:
        raise
    except EventsrcError:
        return False
    assert len(answer["positions"]) == len(ids), answer
    return True
