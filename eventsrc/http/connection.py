"""One HTTP/1.1 connection, with the time limits that uvicorn leaves to a proxy in front of it.

A service that listens by itself must not be held up by whoever connects: a head that never ends, a body that goes on
after it was refused, an answer that nobody reads. Bodies that are being read have their limit in `body`.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from eventsrc.limits import HEAD_SECONDS, WRITE_SECONDS

STREAM_PATH = "/v1/stream"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(H11Protocol):
    """uvicorn's connection, watched."""

    head_seconds = HEAD_SECONDS
    write_seconds = WRITE_SECONDS

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _half_closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        self._unwatch_write()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_request():
            self._unwatch_head()
        else:
            self._watch_head()  # once: more bytes do not buy more time

    def on_response_complete(self) -> None:
        self._unwatch_head()
        super().on_response_complete()
        if self._half_closed and not self.transport.is_closing():
            self.transport.close()
        elif not self._in_request() and self.conn.their_state is h11.SEND_BODY:
            self._watch_head()  # refused before its body ended: uvicorn reads the rest away, for so long

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client will send nothing more. One that sent its request whole still gets its answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.more_body and not self.cycle.response_started:
                self.conn.receive_data(b"")
                self.handle_events()  # answers 400: the body ended before its length
                return None
            if self.scope["method"] == "POST":  # a live stream would not notice that its client has gone
                self._half_closed = True
                return True
        return None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unwatch_write()

    def is_deaf_stream(self) -> bool:
        """Whether this is a live stream whose client does not read: it would not hear goodbye either."""
        return self._in_request() and self.flow.write_paused and self.scope["path"] == STREAM_PATH

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unwatch_write(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.conn.our_state is h11.IDLE:
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()
