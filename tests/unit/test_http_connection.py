"""A connection that reads usual requests itself: nobody can tell them from those that h11 read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import anyio
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from eventsrc.http import connection
from eventsrc.http.connection import Connection
from eventsrc.http.exchange import Exchange, head
from eventsrc.http.head import post_head

USUAL = b"POST /echo?a=%20b HTTP/1.1\r\nHost: localhost\r\nContent-Type: x/y\r\nContent-Length: 3\r\n\r\nabc"
REQUESTS = [
    USUAL,
    b"POST /echo HTTP/1.1\r\nhost:h\r\nX-A:   two  words \r\ncontent-length: 0\r\n\r\n",
    b"POST /%C3%A9 HTTP/1.1\r\nhost: h\r\nconnection: Keep-Alive\r\ncontent-length: 00004\r\n\r\n\r\n\r\n",
    b"POST /chunks HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nx",
    b"POST /early HTTP/1.1\r\nhost: h\r\ncontent-length: 200\r\n\r\n" + b"y" * 200,
    b"POST /close HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nzz",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\nzz",
    b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nx-a: 1\r\n folded\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nx-a: \xe9\t\r\ncontent-length: 2\r\n\r\nab",
    b"POST http://h/echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\nhost: h\ncontent-length: 2\n\nab",
    b"POST /echo HTTP/1.0\r\ncontent-length: 2\r\n\r\nab",
    b"GET /echo HTTP/1.1\r\nhost: h\r\n\r\n",
    b"PUT /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab",
]
WRONG = [
    b"POST /echo HTTP/1.1\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nhost: i\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: -2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2a\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\nx y: 1\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nab",
    b"POST /\xc3\xa9 HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\na",
    b"nonsense\r\n\r\n",
]
LAST = b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was given."""
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    seen = {name: value for name, value in scope.items() if name not in ("client", "server", "asgi")}
    text = repr((seen, body)).encode()
    headers = [(b"content-type", b"text/plain")]
    if scope["path"] != "/chunks":
        headers.append((b"content-length", b"%d" % len(text)))
    if scope["path"] == "/close":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    for part in (text[:5], b"", text[5:]):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


def config() -> uvicorn.Config:
    return uvicorn.Config(app, ws="none", lifespan="off", log_config=None, server_header=False, date_header=False)


async def answers(pieces: Sequence[bytes]) -> bytes:
    """Everything that is answered until the connection ends."""
    near, far = socket.socketpair()
    near.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: Connection(config(), ServerState(), {}), far)
    received = b""
    with near, anyio.fail_after(10):
        for piece in pieces:
            try:
                await loop.sock_sendall(near, piece)
            except OSError:
                break
            for _ in range(3):
                await asyncio.sleep(0)
        try:
            while part := await loop.sock_recv(near, 65536):
                received += part
        except ConnectionResetError:
            pass
    return received


@pytest.fixture(autouse=True)
def _hold_briefly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(connection, "HELD_SECONDS", 0.005)
    yield


def both(pieces: Sequence[bytes]) -> tuple[bytes, bytes]:
    async def run() -> tuple[bytes, bytes]:
        ours = await answers(pieces)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(connection, "post_head", lambda _data: None)
            return ours, await answers(pieces)

    return anyio.run(run)


def without_refusal(answered: bytes) -> tuple[bytes, bool]:
    """What was answered before something that is no HTTP. How that one's 400 is framed, in chunks or by the end of the
    connection, depends on whether h11 has seen a request before."""
    before, refusal, reason = answered.partition(b"HTTP/1.1 400 ")
    assert not refusal or b"Invalid HTTP request received." in reason
    return before, bool(refusal)


@given(
    st.lists(st.sampled_from(REQUESTS), max_size=4),
    st.none() | st.sampled_from(WRONG),
    st.sets(st.integers(0, 700), max_size=5),
)
def test_answers_are_the_same_byte_for_byte(requests: list[bytes], wrong: bytes | None, cuts: set[int]) -> None:
    sent = b"".join(requests) + (wrong or b"") + LAST
    places = [0, *sorted(cut for cut in cuts if 0 < cut < len(sent)), len(sent)]
    ours, of_h11 = both([sent[start:end] for start, end in pairwise(places)])
    assert without_refusal(ours) == without_refusal(of_h11)
    assert ours.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_each_kind_of_request_is_answered_alike(number: int) -> None:
    ours, of_h11 = both([REQUESTS[number], LAST])
    assert ours == of_h11


def test_usual_requests_never_reach_h11_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[bytes] = []
    leave = Connection._leave_to_h11

    def leaving(self: Connection, data: bytes) -> None:
        fed.append(data)
        leave(self, data)

    monkeypatch.setattr(Connection, "_leave_to_h11", leaving)
    anyio.run(answers, [USUAL[:-2], USUAL[-2:] + USUAL, LAST])
    assert fed == [LAST]


def test_a_body_that_is_long_in_coming_or_large_is_left_to_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bytes] = []
    monkeypatch.setattr(connection, "HELD_BYTES", len(USUAL) - 1)
    monkeypatch.setattr(Exchange, "receive", lambda _self: begun.append(b""))
    anyio.run(answers, [USUAL[:-2], USUAL[-2:], LAST])
    assert begun == []

    async def slow() -> bytes:
        monkeypatch.setattr(connection, "HELD_BYTES", 1000)
        near, far = socket.socketpair()
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Connection(config(), ServerState(), {}), far)
        with near, anyio.fail_after(10):
            await loop.sock_sendall(near, USUAL[:-2])
            await anyio.sleep(0.05)
            await loop.sock_sendall(near, USUAL[-2:])
            return await loop.sock_recv(near, 65536)

    assert anyio.run(slow).startswith(b"HTTP/1.1 201 ")
    assert begun == []


@pytest.mark.parametrize("headers", [[(b"a", b"b\r\nc: d")], [(b"a\n", b"b")], [(b"a", b"\r")]])
def test_no_header_of_an_answer_breaks_a_line(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(AssertionError):
        head(200, headers)


@given(st.lists(st.tuples(st.sampled_from(["a", "X-B"]), st.text(st.characters(max_codepoint=300), max_size=4))))
def test_a_head_is_read_or_left_never_misread(fields: list[tuple[str, Any]]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    text = f"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n{lines}\r\n".encode()
    found = post_head(text)
    if found is not None:
        assert found.headers[2:] == [(name.lower().encode(), value.strip(" ").encode()) for name, value in fields]
        assert text[found.start :] == b"" and found.end == found.start
