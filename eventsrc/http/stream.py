"""Server-sent events: the log, followed live. The id of each is its position, so a client resumes without a gap.

Three events besides the log's own (which have no name): `resync` tells a client that fell too far behind to come back
with its last position, `goodbye` ends every stream at shutdown, and an id without data moves the client's position
past events that its filter left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import anyio
import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from eventsrc.event import Position
from eventsrc.http.answers import Refusal
from eventsrc.http.live import Live
from eventsrc.http.port import Line, Reads
from eventsrc.limits import READ_EVENTS, STREAM_PAGE_BYTES, STREAM_PING_SECONDS

_HEAD = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
_PING = b": ping\n\n"


class Filter(msgspec.Struct, frozen=True):
    """Which events a client wants: a type or subject that ends in `*` is a beginning."""

    type: str | None = None
    subject: str | None = None

    def wants(self, line: Line) -> bool:
        """Whether this event passes."""
        return _fits(self.type, line.type) and _fits(self.subject, line.subject)

    @classmethod
    def of(cls, request: Request) -> Filter:
        """The filter that the query parameters `type` and `subject` ask for."""
        return cls(request.query_params.get("type"), request.query_params.get("subject"))


def _fits(wanted: str | None, value: str) -> bool:
    if wanted is None:
        return True
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted


def number(text: str, name: str) -> int:
    """A position or a count from a request. Raises `Refusal`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise Refusal(400, f"{name} must be a whole number of at least 0")
    return int(text)


async def follow(live: Live, log: Reads, after: Position, chosen: Filter) -> AsyncGenerator[bytes, None]:
    """What one client is sent, from the event after `after` on, without end."""
    position, was_live = after, False
    yield _PING  # tells the client at once that it is connected
    while not live.stopping:
        if position > log.head:
            yield _control("resync", log.head, "the log does not reach that position: this is another log")
            return
        if position >= live.tail:
            was_live = True
            if not await live.change(STREAM_PING_SECONDS):
                yield _PING
            continue
        if position >= live.floor:
            was_live, lines = True, live.after(position)
        elif was_live:
            yield _control("resync", position, "this client reads too slowly; come back with the last id")
            return
        else:
            lines = await log.read(position, READ_EVENTS, STREAM_PAGE_BYTES)
        position = lines[-1].position
        yield frames(lines, chosen)
    yield _control("goodbye", position, "the service stops; come back with the last id")


def frames(lines: Sequence[Line], chosen: Filter) -> bytes:
    """Events as server-sent events; after the last line the client's position stands at its end."""
    found = [_frame(line) for line in lines if chosen.wants(line)]
    if not chosen.wants(lines[-1]):
        found.append(b"id: %d\n\n" % lines[-1].position)
    return b"".join(found)


def _frame(line: Line) -> bytes:
    text = line.text
    if b"\r" in text:  # between JSON tokens; here it would end a line, and a line break is as good a blank
        text = text.replace(b"\r", b"\ndata: ")
    return b"id: %d\ndata: %b\n\n" % (line.position, text)


def _control(event: str, position: Position, reason: str) -> bytes:
    data = msgspec.json.encode({"position": position, "reason": reason})
    return b"event: %b\nid: %d\ndata: %b\n\n" % (event.encode(), position, data)


class EventStream:
    """`GET /v1/stream`: `?after=N` or `Last-Event-ID`, `?type=`, `?subject=`."""

    def __init__(self, live: Live, log: Reads) -> None:
        self._live = live
        self._log = log

    async def endpoint(self, request: Request) -> ASGIApp:
        """The stream that was asked for; goes on until the client leaves, falls behind, or the service stops."""
        given = request.headers.get("last-event-id") or request.query_params.get("after")
        after = self._log.head if given is None else number(given, "after")
        self._live.admit()  # while that can still be answered
        return partial(self._stream, after, Filter.of(request))

    async def _stream(self, after: Position, chosen: Filter, _scope: Scope, receive: Receive, send: Send) -> None:
        with self._live.client():
            await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
                async with aclosing(follow(self._live, self._log, after, chosen)) as parts:
                    async for part in parts:
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                tasks.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
