"""Decoding the log in worker processes, in order, with a bounded number of chunks in flight.

Each worker has a pipe of its own, and answers are taken in the order in which chunks were given out. Until a worker
has started, which takes as long as decoding a hundred chunks, they are decoded here. A worker whose parent dies
reads the end of its pipe and ends. A worker that fails on a chunk, or dies, answers nothing: the chunk is then read
here, where the real error (a damaged line, say) is raised to whoever asked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from eventsrc.errors import EventsrcError
from eventsrc.limits import CHILD_END_SECONDS, WORKER_CHUNKS, WORKERS
from eventsrc.projector.attempt import Attempt
from eventsrc.projector.portion import Portion, portion_of

if TYPE_CHECKING:
    from eventsrc.projector.feed import Opener, Parts

_STARTED = b"started"  # the first thing that a worker says


def processors() -> int:
    """How many worker processes are worth starting on this machine; 1 means none."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, WORKERS)


def decoded(chunks: Iterable[Any], opener: Opener, workers: int) -> Iterator[Portion]:
    """The portions of `chunks` in their order. Close the generator to end the workers early."""
    assert workers > 0, "somebody has to do it"
    decode = msgspec.msgpack.Decoder(Portion).decode
    parts = opener()
    crew = [_Worker(opener) for _ in range(workers)]
    turns: deque[_Worker] = deque()
    """Those that have started; who is next stands first."""
    waiting: deque[tuple[Any, _Worker]] = deque()

    def oldest() -> Portion:
        chunk, worker = waiting.popleft()
        answer = worker.answer()
        return decode(answer) if answer else _portion(chunk, parts)

    try:
        for chunk in chunks:
            turns.extend(worker for worker in crew if worker not in turns and worker.has_started())
            if not turns:
                yield _portion(chunk, parts)
                continue
            turns.rotate(-1)
            turns[-1].ask(chunk)
            waiting.append((chunk, turns[-1]))
            if len(waiting) >= len(turns) * WORKER_CHUNKS:
                yield oldest()
        while waiting:
            yield oldest()
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """One process and this side's end of its pipe."""

    def __init__(self, opener: Opener) -> None:
        # spawn, not fork: the parent has threads, locks and SQLite connections that must not be inherited
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(opener, theirs), name="eventsrc-decode", daemon=True)
        self._process.start()
        theirs.close()

    def has_started(self) -> bool:
        """Whether it is ready for chunks, or dead: what it is asked then is done by whoever asked."""
        if not self._pipe.poll():
            return False
        with _gone():
            self._pipe.recv_bytes()
        return True

    def ask(self, chunk: Any) -> None:
        with _gone():
            self._pipe.send(chunk)

    def answer(self) -> bytes:
        """The encoded portion; empty when the worker could not make it."""
        with _gone():
            return self._pipe.recv_bytes()
        return b""

    def end(self) -> None:
        self._pipe.close()
        self._process.join(CHILD_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


class _gone:  # noqa: N801 — reads as a clause
    """Takes the errors of a pipe whose other side has died."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        return isinstance(error, EOFError | BrokenPipeError | ConnectionError)


def _portion(chunk: Any, parts: Parts) -> Portion:
    log, formats, join = parts
    return portion_of(log.read_chunk(chunk), formats, join)


def _serve(opener: Callable[[], Parts], pipe: Connection) -> None:
    """A worker's life. The parent decides when it ends, so the keyboard does not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    encode = msgspec.msgpack.Encoder().encode
    parts = opener()
    with _gone():
        pipe.send_bytes(_STARTED)
    while True:
        with _gone():
            chunk = pipe.recv()
            pipe.send_bytes(_answer(chunk, parts, encode))
            continue
        return


def _answer(chunk: Any, parts: Parts, encode: Callable[[Portion], bytes]) -> bytes:
    """Whatever goes wrong here is found again, and said, by the parent."""
    try:
        with Attempt():
            return encode(_portion(chunk, parts))
    except (OSError, EventsrcError):
        pass
    return b""
