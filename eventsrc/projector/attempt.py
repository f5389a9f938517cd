"""Running code of a plugin: what it raises is kept, what the machine raises is not.

A projection or a format that fails on an event must cost that event only. A full disk, a locked database or a lack of
memory is nobody's fault and must never turn events into dead letters, so those pass through.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType

from eventsrc.errors import EventsrcError
from eventsrc.limits import REASON_CHARS

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_ENVIRONMENT = _BUSY | _DAMAGE | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}  # fmt: skip


def code_of(error: sqlite3.Error) -> int:
    """The primary SQLite result code; 0 for errors that the Python module raises by itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Another program holds the database: waiting helps."""
    return code_of(error) in _BUSY


def is_full(error: sqlite3.Error) -> bool:
    """There is no room: waiting helps when somebody makes room."""
    return code_of(error) == sqlite3.SQLITE_FULL


def is_damage(error: sqlite3.Error) -> bool:
    """The file is not what was written: only a rebuild helps."""
    extended = getattr(error, "sqlite_errorcode", 0)
    return code_of(error) in _DAMAGE or extended == sqlite3.SQLITE_IOERR_SHORT_READ


class Attempt:
    """`with Attempt() as attempt: plugin_code()` — afterwards `attempt.reason` says what it raised; "" when nothing."""

    __slots__ = ("reason",)

    def __init__(self) -> None:
        self.reason = ""

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception) or isinstance(error, OSError | MemoryError | EventsrcError):
            return False
        if isinstance(error, sqlite3.Error) and code_of(error) in _ENVIRONMENT:
            return False
        self.reason = f"{type(error).__name__}: {error}"[:REASON_CHARS]
        return True
