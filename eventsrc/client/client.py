"""The client: a queue, a thread that delivers, and an end that does not hang."""

from __future__ import annotations

import atexit
import json
import threading
import time
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from eventsrc import limits
from eventsrc.client.outbound import Message, Outbound, Stats
from eventsrc.client.receipt import Receipt, State
from eventsrc.client.road import Refusal, Road
from eventsrc.errors import ExtraMissing, TooLarge, TryAgain, UsageError

LOOK_SECONDS = 0.2  # how often an idle thread looks whether it shall end


class Client:
    """Tells one recorder what a program does. See the module's example; all methods may be called from any thread."""

    def __init__(
        self,
        to: str = "http://127.0.0.1:8787",
        *,
        source: str = "urn:eventsrc:client",
        queue: int = limits.CLIENT_MESSAGES,
        linger: float = limits.CLIENT_LINGER_SECONDS,
    ) -> None:
        """`to`: see the module. `source` names the sender in the log, `queue` is in messages, `linger` in seconds.

        Raises UsageError for a `to` that cannot be one, ExtraMissing without pyzmq. A recorder need not run yet."""
        self._road = _road(to, source)
        self._source = source
        self._outbound = Outbound(queue)
        self._linger = linger
        self._run, self._number = uuid.uuid4().hex, 0
        self._numbering = threading.Lock()
        self._last_problem = "the recorder was not reached"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="eventsrc-client", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def stats(self) -> Stats:
        """How many messages wait, were delivered, dropped, refused."""
        return self._outbound.stats

    def send(
        self, message: Mapping[str, Any], *, type: str = "", subject: str = "", id: str = "", wait: float = 0.0
    ) -> Receipt:
        """Queues a JSON object and returns at once, or after `wait` seconds when the queue stays full (then dropped).

        With a `type` it becomes a CloudEvent of that type, of the stream `subject`, and with an `id` of your own,
        which makes it one event however often it is sent. Without, the recorder recognises it by its shape.
        Raises UsageError, TooLarge, and what `json.dumps` raises."""
        if self._road.acknowledges:
            return self._outbound.put(self._line(message, type, subject, id), wait)
        with self._numbering:  # numbers leave in the order in which they are given
            return self._outbound.put(self._line(message, type, subject, id), wait)

    def flush(self, seconds: float | None = None) -> bool:
        """Waits until nothing is queued or on its way; False when that took too long."""
        return self._outbound.until_empty(seconds)

    def close(self) -> None:
        """Delivers what is queued, for at most `linger` seconds, and drops the rest. Again: nothing happens."""
        atexit.unregister(self.close)
        end = time.monotonic() + self._linger
        if not self._outbound.closed:
            self._outbound.until_empty(self._linger)
        self._outbound.close(f"the client was closed: {self._last_problem}")
        self._ending.set()
        self._road.interrupt()
        self._thread.join(LOOK_SECONDS + 1)
        if not self._thread.is_alive():
            self._road.close(max(0.0, end - time.monotonic()))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, message: Mapping[str, Any], type: str, subject: str, id: str) -> bytes:
        if type or subject or id:
            if not type or not self._road.acknowledges:
                raise UsageError(reason="A subject or an id needs a type beside it, and all three need HTTP.")
            message = self._event(message, type, subject, id)
        elif not self._road.acknowledges:
            self._number += 1
            message = {**message, "eventsrc": {"run": self._run, "n": self._number}}
        line = _encoded(message)
        if len(line) > limits.RECORD_BYTES:
            raise TooLarge(what="The message", size=len(line), limit=limits.RECORD_BYTES)
        return line

    def _event(self, data: Mapping[str, Any], type: str, subject: str, id: str) -> dict[str, Any]:
        event = {"specversion": "1.0", "id": id or uuid.uuid4().hex, "source": self._source, "type": type}
        return {**event, **({"subject": subject} if subject else {}), "data": data}

    def _work(self) -> None:
        while not self._ending.is_set():
            batch = self._outbound.take(limits.CLIENT_BATCH, limits.CLIENT_BATCH_BYTES, LOOK_SECONDS)
            if batch:
                self._deliver(batch)

    def _deliver(self, batch: list[Message]) -> None:
        """Until every message of the batch has its fate."""
        key, pause = uuid.uuid4().hex, limits.CLIENT_BACKOFF_SECONDS
        while batch:
            try:
                positions = self._road.deliver(key, [message.line for message in batch])
            except TryAgain as error:
                self._last_problem = str(error)
                self._outbound.rest(time.monotonic() + pause)
                pause = min(2 * pause, limits.CLIENT_BACKOFF_MOST_SECONDS)
                if self._outbound.closed:  # the last attempt may have arrived: only its answer did not
                    self._outbound.failed(batch, State.DROPPED, f"the client was closed: {error}")
                    return
            except Refusal as error:
                first, last = (0, len(batch)) if error.index is None else (error.index, error.index + 1)
                self._outbound.failed(batch[first:last], State.REFUSED, str(error))
                batch = batch[:first] + batch[last:]
                key = uuid.uuid4().hex  # other lines: another request
            else:
                self._outbound.delivered(batch[: len(positions)], positions)
                batch = batch[len(positions) :]


def _encoded(message: Mapping[str, Any]) -> bytes:
    """On one line, readable; half characters, which UTF-8 does not have, as escapes."""
    try:
        return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(message, allow_nan=False, separators=(",", ":")).encode()


def _road(to: str, source: str) -> Road:
    scheme = to.partition("://")[0]
    if scheme in ("http", "unix"):
        from eventsrc.client.over_http import Http

        return Http(to, source)
    if scheme.startswith("zmq+push"):
        try:
            from eventsrc.client.over_zmq import Push
        except ImportError as error:
            raise ExtraMissing(what="A client over ZeroMQ", package=error.name or "pyzmq", extra="zmq") from error
        return Push(to)
    raise UsageError(reason=f"{to!r} is neither http://HOST:PORT, unix://PATH nor zmq+push://HOST:PORT")
