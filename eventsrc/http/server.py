"""The actor that serves the application: uvicorn within the service's event loop, on sockets that are bound already."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec
import uvicorn
from starlette.types import ASGIApp

from eventsrc.http.app import application
from eventsrc.http.body import Bodies
from eventsrc.http.connection import Connection
from eventsrc.http.live import Live
from eventsrc.http.names import fresh_names
from eventsrc.http.port import Port
from eventsrc.limits import CONNECTIONS, STOP_SECONDS


class Door(msgspec.Struct, frozen=True):
    """A listening socket and what may be done through it."""

    socket: socket.socket
    """Bound; the server listens on duplicates of it, so that it can be started again after a failure."""
    admin: bool = False
    """True for the Unix socket only."""
    path: Path | None = None
    """Removed at the end when set; leave it None for a socket that somebody else owns (systemd)."""


class HttpServer:
    """Serves until `stop`. Live streams are told goodbye at once; requests under way get `limits.STOP_SECONDS`."""

    name = "http"

    def __init__(
        self,
        port: Port,
        doors: Sequence[Door],
        *,
        hosts: Collection[str] = (),
        new_id: Callable[[], str] | None = None,
    ) -> None:
        """`hosts` are names beside loopback under which the TCP door answers, lower case, without port. `new_id` names
        what came without a name; any thread may call it."""
        new_id = new_id or fresh_names()
        self._doors = doors
        self._stopped = anyio.Event()
        self._live = Live(port, port.listening)
        self._bodies = Bodies()
        self._apps = [
            application(port, self._live, self._bodies, admin=door.admin, hosts=hosts, new_id=new_id) for door in doors
        ]

    def stop(self) -> None:
        """Asks the server to end; `run` returns when it has. May be called before `run` and more than once."""
        self._stopped.set()

    async def run(self) -> None:
        """Serves until `stop`, then closes the doors. When it fails they stay open, and it may be run again."""
        listeners = [_Listener(app) for app in self._apps]
        async with anyio.create_task_group() as following:
            following.start_soon(self._live.run)
            async with anyio.create_task_group() as serving:
                for listener, door in zip(listeners, self._doors, strict=True):
                    serving.start_soon(listener.serve, [door.socket.dup()])
                await self._stopped.wait()
                self._live.stop()
                for listener in listeners:
                    listener.stop()
            following.cancel_scope.cancel()
        for door in self._doors:
            door.socket.close()
            if door.path is not None:
                door.path.unlink(missing_ok=True)


class _Listener(uvicorn.Server):
    """uvicorn as a guest: signals belong to the service, and it ends when it is told to, without looking ten times a
    second whether it should."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=STOP_SECONDS,  # type: ignore[arg-type]  # any number of seconds will do
            )
        )
        self._stop = anyio.Event()

    def stop(self) -> None:
        self._stop.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self._stop.wait()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = []
        try:
            await super().serve(sockets)
        finally:  # nothing is left open when it was cancelled or failed, either
            for server in self.servers:
                server.close()
            for transport in self._transports():
                transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and connection.is_deaf_stream():
                connection.transport.abort()
        await super().shutdown(sockets)

    def _transports(self) -> list[asyncio.Transport]:
        return [connection.transport for connection in self.server_state.connections]
