"""Endpoints for whoever looks after the service: metrics, health, status, and on the Unix socket administration."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from eventsrc.errors import EventsrcError, NotAllowed
from eventsrc.http.answers import Refusal, described, encode, json_answer
from eventsrc.http.body import Bodies
from eventsrc.http.page import page
from eventsrc.http.port import Health, Port
from eventsrc.http.push import NDJSON

_T = TypeVar("_T", bound=msgspec.Struct)

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
}


class _Checkpoint(msgspec.Struct, forbid_unknown_fields=True):
    label: str | None = None


class _Ingest(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str]


class _Rebuild(msgspec.Struct, forbid_unknown_fields=True):
    names: list[str] = []


class Operations:
    """The endpoints, with what they need. `admin` is true on the Unix socket only."""

    def __init__(self, port: Port, bodies: Bodies, *, admin: bool) -> None:
        self._port = port
        self._bodies = bodies
        self._admin = admin

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text."""
        return Response(await self._port.metrics(), media_type=_PROMETHEUS)

    async def healthz(self, _request: Request) -> Response:
        """200 while there is progress or nothing to do; 503 with the reasons otherwise."""
        return _verdict(self._port.health())

    async def readyz(self, _request: Request) -> Response:
        """200 when the service accepts what it is there for; 503 with the reasons otherwise."""
        return _verdict(self._port.ready())

    async def status(self, _request: Request) -> Response:
        """What `eventsrc status --json` prints."""
        return json_answer(await self._port.status())

    async def home(self, _request: Request) -> Response:
        """The status for a person with a browser."""
        return Response(page(await self._port.status()), 200, _PAGE_HEADERS, "text/html; charset=utf-8")

    async def checkpoint(self, request: Request) -> Response:
        """Makes a checkpoint: `{"label": …}`, or no body."""
        wanted = await self._wanted(request, _Checkpoint)
        return json_answer(await self._port.checkpoint(wanted.label), 201)

    async def ingest(self, request: Request) -> Response:
        """Reads files to their ends: `{"paths": […]}` → NDJSON, progress and at last the report."""
        wanted = await self._wanted(request, _Ingest)
        return StreamingResponse(_lines(self._port.ingest(wanted.paths)), media_type=NDJSON)

    async def rebuild(self, request: Request) -> Response:
        """Builds read models again: `{"names": […]}`, all without names → NDJSON, progress and at last the report."""
        wanted = await self._wanted(request, _Rebuild)
        return StreamingResponse(_lines(self._port.rebuild(wanted.names)), media_type=NDJSON)

    async def _wanted(self, request: Request, kind: type[_T]) -> _T:
        if not self._admin:
            raise NotAllowed(reason="administration goes through the Unix socket in the data directory")
        body = await self._bodies.read(request.scope, request.receive)
        try:
            return msgspec.json.decode(body or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(400, f"the request cannot be read: {error}") from error


def _verdict(health: Health) -> Response:
    return json_answer({"ok": health.ok, "reasons": health.reasons}, 200 if health.ok else 503)


async def _lines(values: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    """One JSON line per value. An error that comes after the first line can only be told as a line: `{"error": …}`."""
    try:
        async for value in values:
            yield encode(value) + b"\n"
    except EventsrcError as error:
        yield encode(described(error)) + b"\n"
    finally:
        if isinstance(values, AsyncGenerator):
            await values.aclose()
