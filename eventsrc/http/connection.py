"""One HTTP/1.1 connection, with the time limits that uvicorn leaves to a proxy in front of it.

A service that listens by itself must not be held up by whoever connects: a head that never ends, a body that goes on
after it was refused, an answer that nobody reads. Bodies that are being read have their limit in `body`.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from eventsrc.http.exchange import Exchange
from eventsrc.http.head import Head, post_head
from eventsrc.limits import HEAD_SECONDS, HELD_BYTES, HELD_SECONDS, WRITE_SECONDS

STREAM_PATH = "/v1/stream"
NOTHING = (b"", False)
"""What h11 holds unread, and whether the client has ended, when it has nothing to do."""
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(H11Protocol):
    """uvicorn's connection, watched."""

    head_seconds = HEAD_SECONDS
    write_seconds = WRITE_SECONDS

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _half_closed = False
    _held: tuple[Head, bytes] | None = None
    """A usual request whose body is still coming."""
    _held_timer: asyncio.TimerHandle | None = None
    _behind = b""
    """What came behind a request that is not answered yet."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        self._unwatch_write()
        self._let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if isinstance(self.cycle, Exchange) and self._in_request():
            self._behind += data
            self.flow.pause_reading()
            return
        head = None
        if self._held is not None:
            head, before = self._held
            data = before + data
            self._let_go()
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data == NOTHING:
            head = post_head(data)
        if head is None:
            self._leave_to_h11(data)
        elif head.end <= len(data) and not self._is_full():
            self._exchange(head, data)
        elif len(data) < head.end <= HELD_BYTES:
            self._hold(head, data)
        else:
            self._leave_to_h11(data)

    def on_response_complete(self) -> None:
        self._unwatch_head()
        super().on_response_complete()
        if self._half_closed and not self.transport.is_closing():
            self.transport.close()
        elif not self._in_request() and self.conn.their_state is h11.SEND_BODY:
            self._watch_head()  # refused before its body ended: uvicorn reads the rest away, for so long
        if self._behind and not self.transport.is_closing():
            behind, self._behind = self._behind, b""
            self.data_received(behind)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client will send nothing more. One that sent its request whole still gets its answer."""
        self._give_up_holding()
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.more_body and not self.cycle.response_started:
                self.conn.receive_data(b"")
                self.handle_events()  # answers 400: the body ended before its length
                return None
            if self.scope["method"] == "POST":  # a live stream would not notice that its client has gone
                self._half_closed = True
                return True
        return None

    def shutdown(self) -> None:
        self._give_up_holding()  # a request whose body is coming is under way
        super().shutdown()

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

    def _exchange(self, head: Head, data: bytes) -> None:
        """Lets the application answer a request that is there as a whole."""
        self._unset_keepalive_if_required()
        self._unwatch_head()
        self._behind = data[head.end :]
        raw_path, _, query = head.target.partition(b"?")
        self.headers = head.headers
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": "POST",
            "root_path": self.root_path,
            "path": self.root_path + unquote(raw_path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        self.cycle = exchange = Exchange(self, self.scope, data[head.start : head.end])
        task = self.loop.create_task(exchange.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _is_full(self) -> bool:
        """Whether there are so many connections or requests that uvicorn answers 503."""
        most = self.limit_concurrency
        return most is not None and (len(self.connections) >= most or len(self.tasks) >= most)

    def _hold(self, head: Head, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unwatch_head()
        self._held = head, data
        self._held_timer = self.loop.call_later(HELD_SECONDS, self._give_up_holding)

    def _leave_to_h11(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_request():
            self._unwatch_head()
        else:
            self._watch_head()  # once: more bytes do not buy more time

    def _give_up_holding(self) -> None:
        """h11 takes over a body that is long in coming: there it has its time limit, and may be refused."""
        if self._held is not None:
            data = self._held[1]
            self._let_go()
            self._leave_to_h11(data)

    def _let_go(self) -> None:
        self._held = None
        if self._held_timer is not None:
            self._held_timer.cancel()
            self._held_timer = None

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
