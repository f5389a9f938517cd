"""What bad clients do to the server: too much, too slow, half gone, not HTTP. Nothing is stored, memory is bounded."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from eventsrc.http.connection import Connection
from eventsrc.http.push import NDJSON
from eventsrc.limits import BODY_BYTES
from tests.unit.http_kit import Served, serving


async def exchange(served: Served, sent: bytes, *, half_close: bool = False) -> bytes:
    """Sends bytes as they are and reads to the end."""
    stream = await anyio.connect_tcp(*served.tcp)
    async with stream:
        await stream.send(sent)
        if half_close:
            await stream.send_eof()
        received = b""
        with anyio.fail_after(10):
            try:
                while True:
                    received += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return received


async def test_an_announced_body_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES + 1}\r\n\r\n"
        stream = await anyio.connect_tcp(*served.tcp)
        async with stream:
            await stream.send(head.encode())
            assert (await stream.receive()).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_grows_too_large_is_refused_while_it_streams(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.server._bodies._most = 100_000
        stream = await anyio.connect_tcp(*served.tcp)
        async with stream:
            await stream.send(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(4):
                await stream.send(b"8000\r\n" + b"1\n" * 0x4000 + b"\r\n")
            with anyio.fail_after(5):
                assert (await stream.receive()).startswith(b"HTTP/1.1 413 ")
        assert served.server._bodies._held == 0


async def test_many_large_bodies_at_once_are_bounded_together(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        served.server._bodies._most_together = 10
        answer = await http.post("/v1/events", content=b"1" * 11, headers={"content-type": NDJSON})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        answer = await http.post("/v1/events", content=b"1" * 10, headers={"content-type": NDJSON})
        assert answer.status_code == 201


async def test_a_client_that_sends_its_body_too_slowly_gets_408(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.server._bodies._seconds = 0.05
        stream = await anyio.connect_tcp(*served.tcp)
        async with stream:
            await stream.send(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1")
            with anyio.fail_after(5):
                assert (await stream.receive()).startswith(b"HTTP/1.1 408 ")
        assert served.port.records == []


async def test_a_client_that_never_ends_its_head_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.05)
    async with serving(tmp_path) as served:
        assert (await exchange(served, b"")).startswith(b"HTTP/1.1 408 ")
        assert (await exchange(served, b"GET / HTTP/1.1\r\nHost: loc")).startswith(b"HTTP/1.1 408 ")


async def test_the_rest_of_a_refused_body_is_not_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.05)
    async with serving(tmp_path) as served:
        head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES + 1}\r\n\r\n1"
        assert (await exchange(served, head.encode())).startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_half_closes_after_its_request_still_gets_its_answer(tmp_path: Path) -> None:
    body = b"1"
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with serving(tmp_path) as served:
        assert b'"positions":[1]' in await exchange(served, head.encode() + body, half_close=True)


async def test_a_body_cut_off_by_its_client_stores_nothing(tmp_path: Path) -> None:
    head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\nContent-Length: 99\r\n\r\n1\n"
    async with serving(tmp_path) as served:
        assert (await exchange(served, head.encode(), half_close=True)).startswith(b"HTTP/1.1 400 ")
        assert served.port.records == []
        assert served.server._bodies._held == 0


async def test_what_is_not_http_is_answered_400(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert (await exchange(served, b"\x16\x03\x01\0\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
