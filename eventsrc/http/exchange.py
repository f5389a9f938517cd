"""One usual request that is there as a whole, and its answer: what uvicorn's cycle does, without h11.

Failures, disconnection and the end of the connection stay uvicorn's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPScope
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle

if TYPE_CHECKING:
    from eventsrc.http.connection import Connection

_CHUNKED = (b"Transfer-Encoding", b"chunked")


class Exchange(RequestResponseCycle):
    """The `receive` and `send` of one request."""

    def __init__(self, connection: Connection, scope: HTTPScope, body: bytes) -> None:
        super().__init__(
            scope=scope,
            conn=connection.conn,
            transport=connection.transport,
            flow=connection.flow,
            logger=connection.logger,
            access_logger=connection.access_logger,
            access_log=False,
            default_headers=connection.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=connection.on_response_complete,
        )
        self.more_body = False
        self._whole: bytes | None = body
        self._unsent = b""
        """A head that waits for its body: the two are one write."""
        self._left: int | None = None
        """Bytes of the body that were announced and not sent yet; None when it is sent in chunks."""

    async def receive(self) -> ASGIReceiveEvent:
        """The body, once; then waits for the end."""
        if self._whole is None or self.disconnected:
            return await super().receive()
        body, self._whole = self._whole, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: ASGISendEvent) -> None:
        """The head of the answer, then its body in one part or more."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            assert not self.response_started, "an answer has one head"
            self._start(message["status"], [*self.default_headers, *message.get("headers", ())])
        else:
            assert message["type"] == "http.response.body", f"{message['type']} is no part of an answer"
            assert self.response_started and not self.response_complete, "a body follows its head, and ends once"
            self._send_body(message.get("body", b""), message.get("more_body", False))

    def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.response_started = True
        length = next((value for name, value in headers if name == b"content-length"), None)
        self.keep_alive = self.keep_alive and CLOSE_HEADER not in headers
        if length is not None:
            self._left, self._unsent = int(length), head(status, headers)
        else:
            self.transport.write(head(status, [*headers, _CHUNKED]))  # the first part may be long in coming

    def _send_body(self, body: bytes, more: bool) -> None:
        if self._left is None:
            self.transport.write(
                (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
            )
        else:
            self._left -= len(body)
            assert self._left == 0 or (more and self._left > 0), "a body is as long as was announced"
            self.transport.write(self._unsent + body)
            self._unsent = b""
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers, with the empty line."""
    lines = [b"HTTP/1.1 %d %b" % (status, STATUS_PHRASES[status]), *[b"%b: %b" % header for header in headers]]
    text = b"\r\n".join(lines)
    assert text.count(b"\n") == text.count(b"\r") == len(lines) - 1, "no header breaks a line"
    return text + b"\r\n\r\n"
