"""The application: paths → endpoints. One per listener, because what is allowed depends on the door."""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.types import ASGIApp

from eventsrc.http.body import Bodies
from eventsrc.http.connection import STREAM_PATH
from eventsrc.http.events import Events
from eventsrc.http.guard import LOOPBACK, Guard
from eventsrc.http.hooks import HOOKS_PATH, Hooks
from eventsrc.http.live import Live
from eventsrc.http.operations import Operations
from eventsrc.http.paths import ADD, READ, Path, Paths
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
    new_id: Callable[[], str],
    hosts: Collection[str] = (),
) -> ASGIApp:
    """The ASGI application of one listener.

    `admin` is for the Unix socket: administration is there, and any `Host` will do. Without it the `Host` must be a
    loopback name or one of `hosts` (lower case, without port).
    """
    operations = Operations(port, bodies, admin=admin)
    paths = {
        "/": Path(operations.home),
        "/v1/events": Path(Events(port, bodies, new_id).endpoint, (*READ, *ADD)),
        STREAM_PATH: Path(EventStream(live, port).endpoint, ("GET",)),
        HOOKS_PATH: Path(Hooks(port, bodies, new_id).endpoint, ADD),
        "/v1/status": Path(operations.status),
        "/v1/checkpoint": Path(operations.checkpoint, ADD),
        "/v1/ingest": Path(operations.ingest, ADD),
        "/v1/rebuild": Path(operations.rebuild, ADD),
        "/metrics": Path(operations.metrics),
        "/healthz": Path(operations.healthz),
        "/readyz": Path(operations.readyz),
    }
    assert sorted(paths) == sorted(ROUTES), "every path is named in ROUTES"

    def counted(path: str, status: int) -> None:
        port.requested(path if path in ROUTES else "other", status)  # a scan must not make new time series

    return Guard(Paths(paths), None if admin else LOOPBACK | frozenset(hosts), counted)
