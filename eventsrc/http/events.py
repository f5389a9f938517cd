"""`/v1/events`: push and read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from eventsrc.errors import EventsrcError, IdConflict, TryAgain
from eventsrc.event import Record
from eventsrc.http.answers import error_answer, json_answer
from eventsrc.http.body import Bodies
from eventsrc.http.port import Port
from eventsrc.http.push import BATCH, NDJSON, Push, records_of
from eventsrc.http.stream import Filter, number
from eventsrc.limits import BODY_INLINE_BYTES, PUSH_SECONDS, READ_BYTES, READ_EVENTS

USUAL_LIMIT = "100"


class Events:
    """The two endpoints, with what they need."""

    def __init__(self, port: Port, bodies: Bodies, new_id: Callable[[], str]) -> None:
        """`new_id` is called from the event loop and from a thread."""
        self._port = port
        self._bodies = bodies
        self._new_id = new_id
        self._thread = anyio.CapacityLimiter(1)

    async def endpoint(self, request: Request) -> Response:
        """`POST` records, `GET` reads."""
        return await (self.push(request) if request.method == "POST" else self.read(request))

    async def push(self, request: Request) -> Response:
        """Answers 201 when all events are durable, 200 when all of them already were; else nothing was stored."""
        scope = request.scope
        body = await self._bodies.read(scope, request.receive)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        records = await self._read_apart(Push(scope["headers"], query, body))
        if not records:
            return json_answer({"positions": [], "first": None, "last": None, "duplicates": 0})
        try:
            async with asyncio.timeout(PUSH_SECONDS):
                appended = await self._port.append(records)
        except IdConflict as error:
            return await self._conflict(error, records)
        except TimeoutError as error:
            reason = "the log did not answer in time; send the same events again under the same ids"
            raise TryAgain(reason=reason) from error
        assert len(appended.positions) == len(records), "one position per record"
        answer = {
            "positions": appended.positions,
            "first": appended.first,
            "last": appended.last,
            "duplicates": appended.duplicates,
        }
        return json_answer(answer, 200 if appended.duplicates == len(records) else 201)

    async def read(self, request: Request) -> Response:
        """Events after `?after=`, at most `?limit=`, as a CloudEvents batch or, when asked for, as NDJSON.

        The header `eventsrc-last` is the position to go on from; with a filter it may lie past the last event given.
        """
        after = number(request.query_params.get("after", "0"), "after")
        limit = min(number(request.query_params.get("limit", USUAL_LIMIT), "limit"), READ_EVENTS)
        chosen = Filter.of(request)
        found = await self._port.read(after, limit, READ_BYTES) if limit and after < self._port.head else ()
        lines = found[:limit]  # a log reads whole groups
        texts = [line.text for line in lines if chosen.wants(line)]
        headers = {"eventsrc-last": str(lines[-1].position if lines else after), "cache-control": "no-store"}
        if "ndjson" in request.headers.get("accept", ""):
            return Response(b"".join(text + b"\n" for text in texts), 200, headers, NDJSON)
        return Response(b"[" + b",\n".join(texts) + b"]", 200, headers, BATCH)

    async def _read_apart(self, push: Push) -> list[Record]:
        if len(push.body) <= BODY_INLINE_BYTES:
            return records_of(push, self._new_id)
        return await anyio.to_thread.run_sync(records_of, push, self._new_id, limiter=self._thread)

    async def _conflict(self, error: IdConflict, records: Sequence[Record]) -> Response:
        """Keeps the event aside and says which one it was and where the first one stands."""
        at_fault = ((i, r) for i, r in enumerate(records) if (r.id, r.source) == (error.id, error.source))
        found = next(at_fault, None)
        more: dict[str, object] = {"position": error.position, "kept_aside": False}
        if found is not None:
            more["index"], record = found
            try:
                await self._port.set_aside(record, str(error))
                more["kept_aside"] = True
            except EventsrcError as aside:
                more["not_kept_because"] = str(aside)
        return error_answer(error, **more)
