"""The application: paths → endpoints. One per listener, because what is allowed depends on the door."""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from eventsrc.http.answers import HANDLERS, json_answer
from eventsrc.http.body import Bodies
from eventsrc.http.connection import STREAM_PATH
from eventsrc.http.events import Events
from eventsrc.http.guard import LOOPBACK, Guard
from eventsrc.http.hooks import HOOKS_PATH, Hooks
from eventsrc.http.live import Live
from eventsrc.http.operations import Operations
from eventsrc.http.port import Port
from eventsrc.http.stream import EventStream

ROUTES = (
    *("/", "/v1/events", STREAM_PATH, HOOKS_PATH, "/v1/status", "/v1/checkpoint", "/v1/ingest", "/v1/rebuild"),
    *("/metrics", "/healthz", "/readyz"),
)
"""What is answered, so that requests can be counted by route."""


def application(
    port: Port,
    live: Live,
    bodies: Bodies,
    *,
    admin: bool,
    hosts: Collection[str] = (),
    new_id: Callable[[], str] = lambda: uuid4().hex,
) -> ASGIApp:
    """The ASGI application of one listener.

    `admin` is for the Unix socket: administration is there, and any `Host` will do. Without it the `Host` must be a
    loopback name or one of `hosts` (lower case, without port).
    """
    operations = Operations(port, bodies, admin=admin)
    routes = [
        Route("/", operations.home),
        Route("/v1/events", Events(port, bodies, new_id).endpoint, methods=["GET", "POST"]),
        Route(STREAM_PATH, EventStream(live, port)),
        Route(HOOKS_PATH, Hooks(port, bodies, new_id).endpoint, methods=["POST"]),
        Route("/v1/status", operations.status),
        Route("/v1/checkpoint", operations.checkpoint, methods=["POST"]),
        Route("/v1/ingest", operations.ingest, methods=["POST"]),
        Route("/v1/rebuild", operations.rebuild, methods=["POST"]),
        Route("/metrics", operations.metrics),
        Route("/healthz", operations.healthz),
        Route("/readyz", operations.readyz),
    ]
    assert sorted(route.path for route in routes) == sorted(ROUTES), "every route is named in ROUTES"

    def counted(path: str, status: int) -> None:
        port.requested(path if path in ROUTES else "other", status)  # a scan must not make new time series

    app = Starlette(routes=routes, exception_handlers={**HANDLERS, HTTPException: _on_http_exception})
    app.router.redirect_slashes = False
    return Guard(app, None if admin else LOOPBACK | frozenset(hosts), counted)


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    """404 and 405 in the shape of every other error."""
    assert isinstance(error, HTTPException)
    return json_answer({"error": error.detail, "exit_code": 1}, error.status_code, dict(error.headers or {}))
