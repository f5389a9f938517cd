"""Delivery with acknowledgement: one request per batch, answered when all of it is durable."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from eventsrc.client.road import Refusal
from eventsrc.errors import TryAgain, UsageError
from eventsrc.http.unix import connect_unix
from eventsrc.limits import CLIENT_ANSWER_SECONDS

NDJSON = "application/x-ndjson"
BUSY = (408, 429, 500, 502, 503, 504)
"""Answers that say nothing about the events: the same request again may be taken."""


class _Connection(http.client.HTTPConnection):
    """Kept open over many requests; to a host and port, or to a Unix socket."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = Path(parts.path) if parts.scheme == "unix" else None
        try:
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise UsageError(reason=f"{url!r} has no port that could be one") from error
        if not (host or self._path):
            raise UsageError(reason=f"{url!r} names no host")
        super().__init__(host or "localhost", port, timeout=CLIENT_ANSWER_SECONDS)

    def connect(self) -> None:
        if self._path is None:
            super().connect()
        else:
            self.sock = connect_unix(self._path, self.timeout)


class Http:
    """One recorder, reached over HTTP."""

    acknowledges = True

    def __init__(self, url: str, source: str) -> None:
        """Raises UsageError for a URL that names no recorder. Connects on first use."""
        self._connection = _Connection(url)
        self._where = url
        self._path = f"/v1/events?source={quote(source, safe='')}"

    def deliver(self, key: str, lines: Sequence[bytes]) -> Sequence[int | None]:
        """Positions, one per line. The same `key` with the same lines is recognised, however often it is sent.

        Raises TryAgain (perhaps stored, perhaps not) and Refusal (nothing was stored)."""
        headers = {"content-type": NDJSON, "idempotency-key": key}
        try:
            self._connection.request("POST", self._path, b"\n".join(lines), headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise TryAgain(reason=f"{self._where} did not answer: {error or type(error).__name__}") from error
        if response.status in BUSY:
            raise TryAgain(reason=f"{self._where} answered {response.status}: {_said(body)}")
        if response.status >= 400:
            index = _fields(body).get("index")
            raise Refusal(_said(body), index if isinstance(index, int) and 0 <= index < len(lines) else None)
        return _positions(body, len(lines), self._where)

    def interrupt(self) -> None:
        """Ends a request under way, from another thread."""
        held = self._connection.sock
        if held is not None:
            with contextlib.suppress(OSError):  # it has just ended by itself
                held.shutdown(socket.SHUT_RDWR)

    def close(self, _linger: float) -> None:
        """Nothing is held here that was not answered."""
        self._connection.close()


def _positions(body: bytes, count: int, where: str) -> list[int]:
    positions = _fields(body).get("positions")
    if not isinstance(positions, list) or len(positions) != count:
        raise TryAgain(reason=f"{where} answered like something else: {_said(body)}")
    return [int(position) for position in positions]


def _fields(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(body: bytes) -> str:
    error = _fields(body).get("error")
    return str(error) if error else body[:200].decode("utf-8", "replace")
