"""Handing standard input over to a running service, batch by batch, each durable before the next."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from eventsrc.http.client import Client
from eventsrc.limits import BATCH_EVENTS, BODY_BYTES

QUIET = 600.0  # seconds that one batch may wait for a slow disk before we say that the service does not answer


def ingest_stdin_there(
    service: Client, progress: Callable[[int, int], None], stream: BinaryIO | None = None
) -> dict[str, Any]:
    """Reads lines to the end of the stream; returns the shape of `ingest --json`."""
    started = time.monotonic()
    source = f"urn:eventsrc:stdin:{uuid.uuid4().hex}"
    report: dict[str, Any] = {"read": 0, "appended": 0, "duplicates": 0, "quarantined": 0}
    report |= {"first_position": None, "last_position": None, "problems": {}, "unfinished": {}, "files": 0, "bytes": 0}
    for lines in batches(stream or sys.stdin.buffer):
        body = b"".join(lines)
        answer = service.send(
            "POST", f"/v1/records?source={source}&first={report['read'] + 1}", body, "application/x-ndjson", seconds=QUIET
        )
        report["read"] += len(answer["positions"])
        report["duplicates"] += answer["duplicates"]
        report["appended"] += len(answer["positions"]) - answer["duplicates"]
        report["first_position"] = report["first_position"] or answer["first"]
        report["last_position"] = answer["last"]
        report["bytes"] += len(body)
        progress(report["bytes"], report["bytes"])
    return {**report, "seconds": round(time.monotonic() - started, 3)}


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Lines with content, as many as fit into one request."""
    lines: list[bytes] = []
    size = 0
    for line in stream:
        if not line.strip():
            continue
        if lines and (len(lines) >= BATCH_EVENTS or size + len(line) > BODY_BYTES // 2):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield lines


