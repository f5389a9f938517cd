"""The live stream on real sockets: no gap, bounded, told goodbye."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from eventsrc.event import Envelope, Record
from eventsrc.http import live as live_module
from eventsrc.http import stream as stream_module
from eventsrc.http.connection import Connection
from eventsrc.http.live import Live
from eventsrc.http.port import Line
from eventsrc.http.stream import Filter, frames
from eventsrc.limits import STOP_SECONDS
from tests.unit.http_kit import MemoryPort, Served, serving


def record(n: int, kind: str = "t.x", size: int = 0) -> Record:
    return Record("urn:t", json.dumps({"n": n, "fill": "x" * size}).encode(), str(n), envelope=Envelope(kind, f"s/{n}"))


class Listening:
    """One live-stream client: what it was sent, parsed as it comes."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self.last_id = ""
        self._buffer = b""

    async def next(self) -> tuple[str, str, str]:
        """(event, id, data) of the next one that is dispatched; ids without data only move `last_id`."""
        with anyio.fail_after(10):
            while True:
                while b"\n\n" not in self._buffer:
                    self._buffer += await self.stream.receive()
                block, _, self._buffer = self._buffer.partition(b"\n\n")
                name, data = "message", []
                for line in block.decode().splitlines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "id":
                        self.last_id = value
                    elif field == "data":
                        data.append(value)
                if data:
                    return name, self.last_id, "\n".join(data)

    async def ids(self, count: int) -> list[int]:
        return [int((await self.next())[1]) for _ in range(count)]


@asynccontextmanager
async def listening(served: Served, query: str = "", last: str = "") -> AsyncIterator[Listening]:
    async with await anyio.connect_tcp(*served.tcp) as stream:
        resume = f"Last-Event-ID: {last}\r\n" if last else ""
        # HTTP/1.0, so that the answer comes without chunk sizes in between
        await stream.send(f"GET /v1/stream{query} HTTP/1.0\r\nHost: localhost\r\n{resume}\r\n".encode())
        client = Listening(stream)
        while b": ping\n\n" not in client._buffer:
            client._buffer += await stream.receive()
        head, _, client._buffer = client._buffer.partition(b": ping\n\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        yield client


async def test_what_is_appended_arrives_at_every_client(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, listening(served) as one, listening(served) as two:
        await served.port.append([record(n) for n in range(3)])
        assert await one.ids(3) == await two.ids(3) == [1, 2, 3]
        await served.port.append([record(9)])
        name, identity, data = await one.next()
        assert (name, identity, json.loads(data)["data"]["n"]) == ("message", "4", 9)
        assert served.port.reads == 2  # each page was read once, for both


async def test_a_client_catches_up_and_goes_on_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "READ_EVENTS", 7)
    monkeypatch.setattr(live_module, "READ_EVENTS", 5)
    port = MemoryPort()
    await port.append([record(n) for n in range(50)])
    async with serving(tmp_path, port) as served, listening(served, "?after=0") as client:

        async def grow() -> None:
            for n in range(100):
                await port.append([record(50 + n)])
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(grow)
            assert await client.ids(150) == list(range(1, 151))


async def test_a_client_resumes_after_its_last_event(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        await served.port.append([record(n) for n in range(5)])
        async with listening(served, "?after=1", last="3") as client:
            assert await client.ids(2) == [4, 5]


async def test_a_filter_moves_the_last_id_past_what_it_leaves_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, listening(served, "?type=u.*") as client:
        await served.port.append([record(1), record(2, "u.y"), record(3)])
        assert await client.ids(1) == [2]
        await served.port.append([record(4, "u.z")])
        while client.last_id != "4":
            assert (await client.next())[1] == "4"
        async with listening(served, "?subject=s/3&after=0") as other:
            assert await other.ids(1) == [3]


def test_a_filter_and_a_carriage_return_keep_the_framing() -> None:
    lines = [Line(7, "a", "s", b'{"data":{\r"x":1}}'), Line(8, "b", "s", b"{}")]
    assert frames(lines, Filter(type="a")) == b'id: 7\ndata: {"data":{\ndata: "x":1}}\n\nid: 8\n\n'


async def test_a_slow_client_is_told_to_resync_and_the_others_are_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "STREAM_QUEUE", 4)
    monkeypatch.setattr(live_module, "STREAM_PAGE_BYTES", 1)
    async with serving(tmp_path) as served, listening(served) as quick, listening(served) as slow:
        for n in range(100):  # about 20 MB: more than the sockets hold, much more than four pages
            await served.port.append([record(n, size=200_000)])
            assert await quick.ids(1) == [n + 1]
        expected = 1
        while True:
            name, identity, _ = await slow.next()
            if name != "message":
                break
            assert int(identity) == expected
            expected += 1
        assert (name, identity) == ("resync", str(expected - 1))
        assert expected < 100
        with pytest.raises(anyio.EndOfStream):
            await slow.next()
        async with listening(served, last=identity) as again:
            assert await again.ids(101 - expected) == list(range(expected, 101))


async def test_a_client_that_never_reads_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "write_seconds", 0.05)
    async with serving(tmp_path) as served, listening(served):
        with anyio.fail_after(10):
            while served.port.clients[-1]:
                await served.port.append([record(1, size=500_000)])
                await anyio.sleep(0.001)
        assert served.port.clients == [1, 0]


async def test_a_client_that_left_is_forgotten(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        async with listening(served), listening(served):
            assert served.port.clients == [1, 2]
        with anyio.fail_after(5):
            await served.port.alone.wait()
        reads = served.port.reads
        await served.port.append([record(1)])
        async with listening(served) as client:  # whoever comes without a position starts at the head
            await served.port.append([record(2)])
            assert await client.ids(1) == [2]
        assert served.port.reads <= reads + 2  # nothing is read for nobody but the page that was waited for


async def test_fifty_clients_are_told_goodbye_in_time_and_resume_without_a_gap(tmp_path: Path) -> None:
    port = MemoryPort()
    goodbyes: list[tuple[str, str]] = []
    async with anyio.create_task_group() as tasks:
        ready = [anyio.Event() for _ in range(50)]

        async def listen(number: int, served: Served) -> None:
            async with listening(served) as client:
                ready[number].set()
                await client.ids(1)
                name, identity, _ = await client.next()
                goodbyes.append((name, identity))
                with pytest.raises(anyio.EndOfStream):
                    await client.next()

        async with serving(tmp_path, port) as served:
            for number in range(50):
                tasks.start_soon(listen, number, served)
            for event in ready:
                await event.wait()
            await port.append([record(1)])
            await port.beyond(0)
            while served.server._live.tail < 1:
                await anyio.lowlevel.checkpoint()
            begun = time.monotonic()
        lasted = time.monotonic() - begun
    assert goodbyes == [("goodbye", "1")] * 50
    assert lasted < 2.0  # measured 0.2 s; a shared machine may be slow, a hanging shutdown takes much longer
    await port.append([record(2)])
    async with serving(tmp_path, port) as served, listening(served, last=goodbyes[0][1]) as client:
        assert await client.ids(1) == [2]


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(tmp_path: Path) -> None:
    port = MemoryPort()
    async with AsyncExitStack() as clients:
        async with serving(tmp_path, port) as served:
            await clients.enter_async_context(listening(served))
            for n in range(20):
                await port.append([record(n, size=500_000)])
                while served.server._live.tail < port.head:
                    await anyio.lowlevel.checkpoint()
            begun = time.monotonic()
        assert time.monotonic() - begun < STOP_SECONDS


async def test_a_position_of_another_log_is_told_to_resync(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, listening(served, "?after=77") as client:
        assert (await client.next())[:2] == ("resync", "0")


async def test_too_many_clients_and_wrong_positions_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "STREAM_CLIENTS", 1)
    async with serving(tmp_path) as served, served.http() as http, listening(served):
        assert (await http.get("/v1/stream")).status_code == 429
        assert (await http.get("/v1/stream", params={"after": "x"})).status_code == 400
        assert (await http.post("/v1/stream")).status_code == 405


async def test_a_silent_stream_is_pinged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "STREAM_PING_SECONDS", 0.01)
    async with serving(tmp_path) as served, listening(served) as client:
        with anyio.fail_after(5):
            assert await client.stream.receive() == b": ping\n\n"


async def test_what_is_held_for_live_clients_is_bounded_in_pages_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(MemoryPort())
    monkeypatch.setattr(live_module, "STREAM_QUEUE_BYTES", 25)
    with live.client():
        for n in range(1, 9):
            live._add([Line(n, "t", "s", b"x" * 10)])
        assert (live.floor, live.tail) == (6, 8)
        assert [line.position for line in live.after(7)] == [8]
        live._add([Line(9, "t", "s", b"x" * 100)])  # heavier than the bound: held alone
        assert (live.floor, live.tail) == (8, 9)
    assert live.floor == live.tail == 9
