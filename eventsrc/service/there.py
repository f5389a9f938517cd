"""Handing standard input over to a running service, batch by batch, each durable before the next."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import msgspec

from eventsrc.http.client import Client
from eventsrc.limits import BATCH_BYTES, BATCH_EVENTS

QUIET = 600.0  # seconds that one batch may wait for a slow disk before we say that the service does not answer


def ingest_stdin_there(
    service: Client, progress: Callable[[int, int], None], stream: BinaryIO | None = None
) -> dict[str, Any]:
    """Reads lines to the end of the stream; returns the shape of `ingest --json`."""
    started = time.monotonic()
    source = f"stdin:{uuid.uuid4().hex}"
    report: dict[str, Any] = {"read": 0, "appended": 0, "duplicates": 0, "quarantined": 0}
    report |= {"first_position": None, "last_position": None}
    size = 0
    for number, (lines, plain) in enumerate(batches(stream or sys.stdin.buffer)):
        body = b"\n".join(lines)
        answer = service.push(f"/v1/events?source={source}", body, _headers(source, number, plain), seconds=QUIET)
        report["read"] += len(answer["positions"])
        report["duplicates"] += answer["duplicates"]
        report["appended"] += len(answer["positions"]) - answer["duplicates"]
        report["first_position"] = report["first_position"] or answer["first"]
        report["last_position"] = answer["last"]
        size += len(body)
        progress(size, size)
    return {**report, "seconds": round(time.monotonic() - started, 3), "bytes": size, "problems": {}, "unfinished": {}}


def batches(stream: BinaryIO) -> Iterator[tuple[list[bytes], bool]]:
    """(lines with content, are they JSON) in the order of the stream; what is not JSON travels alone, as bytes.

    On a pipe a batch is what is there: nobody waits for a batch to be full.
    """
    lines: list[bytes] = []
    size = 0
    for raw in stream:
        line = raw.removesuffix(b"\n")
        plain = _is_json(line)
        if lines and (not plain or len(lines) >= BATCH_EVENTS or size + len(line) > BATCH_BYTES):
            yield lines, True
            lines, size = [], 0
        if not line.strip(b"\r"):
            continue
        if not plain:
            yield [line], False
            continue
        lines.append(line)
        size += len(line)
    if lines:
        yield lines, True


def _headers(source: str, number: int, plain: bool) -> dict[str, str]:
    if plain:
        return {"content-type": "application/x-ndjson"}
    return {
        "content-type": "application/octet-stream",
        "ce-specversion": "1.0",
        "ce-id": f"{number}",
        "ce-source": source,
        "ce-type": "eventsrc.record",
        "ce-subject": "source/stdin",
    }


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
        line.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return b"\r" not in line
