"""What the tests of the HTTP room share: the other rooms in memory, and a real server on real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from eventsrc.actor import Watermark
from eventsrc.errors import EventsrcError, IdConflict
from eventsrc.event import Appended, Position, Record
from eventsrc.http.port import Health, Line
from eventsrc.http.server import Door, HttpServer
from eventsrc.http.unix import bind_unix


class MemoryPort:
    """The log and everything else that the application needs, in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.aside: list[tuple[Record, str]] = []
        self.refuse_with: EventsrcError | None = None
        self.durable = anyio.Event()
        self.durable.set()
        self.reasons: tuple[str, ...] = ()
        self.counted: list[tuple[str, int]] = []
        self.clients: list[int] = []
        self.dropped: list[str] = []
        self.alone = anyio.Event()
        self.reads = 0
        self.closed_iterators = 0
        self.status_value: dict[str, Any] = {"running": True, "head": 0}
        self._watermark = Watermark()

    @property
    def head(self) -> Position:
        return self._watermark.position

    async def beyond(self, position: Position) -> Position:
        return await self._watermark.beyond(position)

    async def read(self, after: Position, max_events: int, max_bytes: int) -> Sequence[Line]:
        self.reads += 1
        await anyio.lowlevel.checkpoint()
        lines: list[Line] = []
        size = 0
        for position in range(after + 1, min(self.head, after + max_events) + 1):
            lines.append(line_of(position, self.records[position - 1]))
            size += len(lines[-1].text)
            if size >= max_bytes:
                break
        return lines

    async def append(self, records: Sequence[Record]) -> Appended:
        if self.refuse_with is not None:
            raise self.refuse_with
        await self.durable.wait()
        known = {(r.source, r.id): (n, r.data) for n, r in enumerate(self.records, 1) if r.unique}
        for record in records:
            position, data = known.get((record.source, record.id), (0, record.data))
            if data != record.data:
                raise IdConflict(id=record.id, source=record.source, position=position)
        positions, duplicates = [], 0
        for record in records:
            if (record.source, record.id) in known:
                positions.append(known[record.source, record.id][0])
                duplicates += 1
            else:
                self.records.append(record)
                positions.append(len(self.records))
        if self.records:
            self._watermark.advance(len(self.records))
        return Appended(tuple(positions), duplicates)

    async def set_aside(self, record: Record, reason: str) -> None:
        self.aside.append((record, reason))

    async def metrics(self) -> bytes:
        return b"eventsrc_head 1\n"

    def health(self) -> Health:
        return Health(self.reasons)

    def ready(self) -> Health:
        return Health(self.reasons)

    async def status(self) -> dict[str, Any]:
        return self.status_value

    async def checkpoint(self, label: str | None) -> object:
        return {"id": "0123abcd", "label": label}

    async def ingest(self, paths: Sequence[str]) -> AsyncIterator[object]:
        try:
            for path in paths:
                yield {"path": path}
            yield {"read": len(paths)}
        finally:
            self.closed_iterators += 1

    async def rebuild(self, names: Sequence[str]) -> AsyncIterator[object]:
        if "unknown" in names:
            raise self.refuse_with or EventsrcError()
        yield {"names": list(names)}

    def requested(self, route: str, status: int) -> None:
        self.counted.append((route, status))

    def dropped_hook(self, reason: str) -> None:
        self.dropped.append(reason)

    def listening(self, clients: int) -> None:
        self.clients.append(clients)
        if not clients:
            self.alone.set()


def line_of(position: Position, record: Record) -> Line:
    """An event roughly as the log writes it: one line of JSON."""
    envelope = record.envelope
    kind, subject = (envelope.type, envelope.subject) if envelope else ("eventsrc.record", record.source)
    head = json.dumps({"sequence": f"{position:020}", "id": record.id, "type": kind, "subject": subject})
    return Line(position, kind, subject, head[:-1].encode() + b',"data":' + (record.data or b"null") + b"}")


class Served:
    """A running server."""

    def __init__(self, port: MemoryPort, server: HttpServer, tcp: tuple[str, int], path: Path) -> None:
        self.port = port
        self.server = server
        self.tcp = tcp
        self.path = path
        self.url = f"http://127.0.0.1:{tcp[1]}"

    def http(self) -> httpx.AsyncClient:
        """A client on loopback."""
        return httpx.AsyncClient(base_url=self.url, trust_env=False)

    def unix(self) -> httpx.AsyncClient:
        """A client on the Unix socket."""
        return httpx.AsyncClient(base_url="http://eventsrc", transport=httpx.AsyncHTTPTransport(uds=str(self.path)))


@asynccontextmanager
async def serving(folder: Path, port: MemoryPort | None = None) -> AsyncIterator[Served]:
    """A real uvicorn on 127.0.0.1 and on a Unix socket in `folder`; stopped at the end."""
    port = port or MemoryPort()
    tcp = socket.create_server(("127.0.0.1", 0))
    path = folder / "s.sock"
    server = HttpServer(port, [Door(tcp), Door(bind_unix(path), admin=True, path=path)])
    served = Served(port, server, tcp.getsockname(), path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        try:
            yield served
        finally:
            server.stop()


def event(**members: Any) -> dict[str, Any]:
    """A small valid CloudEvent; members given replace or add, None takes one away."""
    whole = {"specversion": "1.0", "id": "1", "source": "urn:t", "type": "t.x", "data": {"a": 1}} | members
    return {name: value for name, value in whole.items() if value is not None}
