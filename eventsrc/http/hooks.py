"""`POST /hooks/claude-code`: where an agent tells of its life while it waits for the answer.

Whatever is answered beside "200, nothing" would be read as a decision about the agent's work or shown to its user as an
error. So the answer is always that, at once, whatever became of the record; what could not be recorded is counted, and
a log that is slow is not waited for. Only what no agent sends is refused: no body, or one beyond every limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from eventsrc.errors import EventsrcError, QueueFull, TryAgain
from eventsrc.event import Record
from eventsrc.http.answers import Refusal
from eventsrc.http.body import Bodies
from eventsrc.http.port import Port
from eventsrc.limits import HOOK_SECONDS, RECORD_BYTES

HOOKS_PATH = "/hooks/claude-code"
SOURCE = "urn:eventsrc:hooks:claude-code"


class Hooks:
    """The endpoint, with what it needs."""

    def __init__(self, port: Port, bodies: Bodies, new_id: Callable[[], str], seconds: float = HOOK_SECONDS) -> None:
        """`seconds`: how long the log may take before the answer is given without it."""
        self._port = port
        self._bodies = bodies
        self._new_id = new_id
        self._seconds = seconds

    async def endpoint(self, request: Request) -> Response:
        """200 with an empty body, after the record is durable, or without waiting for that any longer."""
        try:
            body = await self._bodies.read(request.scope, request.receive)
        except QueueFull:
            self._port.dropped_hook("full")
            return Response(status_code=200)
        if not body.strip():
            raise Refusal(400, "a hook is one JSON object; this body is empty")
        record = Record(SOURCE, body, self._new_id())
        try:
            async with asyncio.timeout(self._seconds):
                await self._record(record)
        except TimeoutError:  # it is on its way, and most likely recorded in the end
            self._port.dropped_hook("slow")
        return Response(status_code=200)

    async def _record(self, record: Record) -> None:
        try:
            if len(record.data) > RECORD_BYTES:
                await self._port.set_aside(record, f"the hook has more than {RECORD_BYTES} bytes")
            else:
                await self._port.append([record])
        except TryAgain:
            self._port.dropped_hook("full")
        except EventsrcError:
            self._port.dropped_hook("failed")
