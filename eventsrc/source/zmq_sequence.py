"""Numbers that senders give their messages, and what is missing between two of them. Pure but for its memory.

A sender that wants losses to be noticed puts `"eventsrc": {"run": "<its own id>", "n": 1, 2, 3 …}` into each of its
JSON objects (`eventsrc.client` does). The number travels on in the event's cursor, so a recorder that starts again
knows from the log what it had last.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from eventsrc.event import Cursor
from eventsrc.limits import ZMQ_SENDERS
from eventsrc.source.port import Cursors

_MARK = b'"eventsrc"'


class Number(msgspec.Struct, frozen=True):
    """Which message of which sender it is."""

    run: str
    n: int

    @property
    def cursor(self) -> Cursor:
        return f"zmq:{self.run} {self.n}"


class Missing(msgspec.Struct, frozen=True):
    """Messages of one sender that never came."""

    run: str
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


class _Numbered(msgspec.Struct, frozen=True):
    eventsrc: Number


_decode = msgspec.json.Decoder(_Numbered).decode


def number_of(payload: bytes) -> Number | None:
    """The number in a payload; None when it has none that can be used."""
    if _MARK not in payload:
        return None
    try:
        number = _decode(payload).eventsrc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    run = number.run
    usable = number.n > 0 and 0 < len(run) <= 64 and run.isascii() and run.replace("-", "").isalnum()
    return number if usable else None


class Sequences:
    """The last number of each sender; the latest ZMQ_SENDERS in memory, all of them in the log."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors
        self._last: OrderedDict[str, int] = OrderedDict()

    def missing(self, number: Number) -> Missing | None:
        """What should have come before this one and did not. A sender never heard of begins wherever it is: what it
        said before somebody listened was not for us. One that repeats or overtakes itself misses nothing."""
        last = self._last.pop(number.run, None) or self._recorded(number.run)
        self._last[number.run] = max(number.n, last or 0)
        if len(self._last) > ZMQ_SENDERS:
            self._last.popitem(last=False)
        if last is None or number.n <= last + 1:
            return None
        return Missing(number.run, last + 1, number.n - 1)

    def _recorded(self, run: str) -> int | None:
        cursor = self._cursors(f"zmq:{run}")
        return int(cursor.rpartition(" ")[2]) if cursor is not None else None
