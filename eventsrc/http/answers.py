"""Values and errors as HTTP answers."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

from eventsrc.errors import (
    DiskFull,
    EventsrcError,
    IdConflict,
    LogFailed,
    NotAllowed,
    NotFound,
    QueueFull,
    Rejected,
    TooLarge,
    TryAgain,
    UnknownProjection,
    UsageError,
    WrongRevision,
)
from eventsrc.limits import RETRY_AFTER_SECONDS


class Refusal(EventsrcError):
    """{reason}"""

    def __init__(self, status: int, reason: str, **facts: Any) -> None:
        """`index` among the facts is the number of the event in its request that caused it, from 0."""
        super().__init__(status=status, reason=reason, **facts)


_STATUS: list[tuple[type[EventsrcError], int]] = [  # the first that fits
    (TooLarge, 413),
    (Rejected, 400),
    (UsageError, 400),
    (NotAllowed, 403),
    (NotFound, 404),
    (UnknownProjection, 404),
    (IdConflict, 409),
    (WrongRevision, 409),
    (QueueFull, 429),
    (DiskFull, 507),
    (TryAgain, 503),
    (LogFailed, 503),
]
_LATER = frozenset((429, 503, 507))


def status_of(error: EventsrcError) -> int:
    """The HTTP status that tells a client what to do about `error`."""
    if isinstance(error, Refusal):
        return int(error.status)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def encode(value: object) -> bytes:
    """JSON of anything that msgspec knows; text that UTF-8 cannot hold (odd file names) is escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as `application/json`, never cached."""
    headers = {"cache-control": "no-store", **(headers or {})}
    return Response(encode(value), status, headers, "application/json")


def error_answer(error: EventsrcError, **more: object) -> Response:
    """`{"error": message, "hint": what to do, "exit_code": what a command ends with, …}` with the status that fits."""
    status = status_of(error)
    body = described(error) | more
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status in _LATER else {}
    return json_answer(body, status, headers)


def described(error: EventsrcError) -> dict[str, object]:
    """An error as an object for a program: the members of `error_answer`."""
    body: dict[str, object] = {"error": str(error), "exit_code": error.exit_code}
    if hint := error.advice():
        body["hint"] = hint
    if "index" in error.facts:
        body["index"] = error.facts["index"]
    return body
