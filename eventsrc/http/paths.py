"""Paths → endpoints. Our own errors become answers; whatever else an endpoint raises the server answers with 500."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from eventsrc.errors import EventsrcError
from eventsrc.http.answers import error_answer, json_answer

Endpoint: TypeAlias = Callable[[Request], Awaitable[ASGIApp]]
"""Returns its answer: a `Response`, or any other ASGI application that gives it."""

READ = ("GET", "HEAD")
ADD = ("POST",)


class Path(msgspec.Struct, frozen=True):
    """What answers under one path."""

    endpoint: Endpoint
    methods: Collection[str] = READ


class Paths:
    """The ASGI application of all of them. Paths are whole and fixed, so one look finds the endpoint."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            answer = await self._answer(Request(scope, receive))
        except EventsrcError as error:
            answer = error_answer(error)
        except ClientDisconnect:  # while it was sending: nothing was stored, nobody reads this
            answer = Response(status_code=400)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        path = self._paths.get(request.scope["path"])
        if path is None:
            return json_answer({"error": "Not Found", "exit_code": 1}, 404)
        if request.method not in path.methods:
            allowed = {"allow": ", ".join(path.methods)}
            return json_answer({"error": "Method Not Allowed", "exit_code": 1}, 405, allowed)
        return await path.endpoint(request)
