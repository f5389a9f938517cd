"""A connection that can only read, within bounds.

Three walls, because each one alone has had holes: the file is opened `mode=ro`, `query_only` refuses writes to what is
attached, and an authorizer lets nothing through that is not reading: no ATTACH (which could create files), no PRAGMA
that changes anything, no `load_extension`, no transaction that would pin the write-ahead log. No `mmap_size`: a
file that is damaged under a mapping ends the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from eventsrc.clock import Clock
from eventsrc.limits import QUERY_BYTES, QUERY_SECONDS

STEPS = 20_000  # virtual machine steps between two looks at the clock: about a millisecond

# Those that tell something, with or without an argument that names what.
_PRAGMAS = {"collation_list", "compile_options", "data_version", "database_list", "foreign_key_check"}
_PRAGMAS |= {"foreign_key_list", "function_list", "index_info", "index_list", "index_xinfo", "integrity_check"}
_PRAGMAS |= {"module_list", "pragma_list", "quick_check", "table_info", "table_list", "table_xinfo"}
# Those that tell something without an argument, and set it with one.
_SETTINGS = {"application_id", "encoding", "freelist_count", "journal_mode", "page_count", "page_size"}
_SETTINGS |= {"schema_version", "user_version"}
_READS = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_FORBIDDEN_FUNCTIONS = frozenset(("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"))


def authorize(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    """SQLite's authorizer: allows what only reads, denies everything else."""
    if action in _READS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        name = (first or "").lower()
        allowed = name in _PRAGMAS or (name in _SETTINGS and second is None)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_UPDATE and first in ("sqlite_master", "sqlite_schema"):
        # SQLite asks this while it *opens* a virtual table (full-text search). A statement that tried it is refused
        # by SQLite itself, since `writable_schema` cannot be set here, and by the two other walls.
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


@contextmanager
def reading(path: Path, clock: Clock, seconds: float = QUERY_SECONDS) -> Iterator[sqlite3.Connection]:
    """A read-only connection to `path` that interrupts itself after `seconds`. Raises sqlite3.Error.

    A writer in WAL mode never blocks it; `timeout` covers the moment in which a read model is being recovered.
    """
    with closing(_connect(path, seconds)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, QUERY_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.set_authorizer(authorize)
        deadline = clock.monotonic() + seconds
        connection.set_progress_handler(lambda: clock.monotonic() > deadline, STEPS)
        yield connection


@contextmanager
def holding(path: Path, clock: Clock, seconds: float = QUERY_SECONDS) -> Iterator[sqlite3.Connection]:
    """A read-only connection that sees one moment until it is closed, without a bound on time or on one value. For
    statements of our own, so without an authorizer; `seconds` only bounds the wait for the database. Raises
    sqlite3.Error."""
    with closing(_connect(path, seconds)) as connection:
        connection.execute("BEGIN")  # the moment is that of the first read
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield connection


def _connect(path: Path, seconds: float) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=seconds)
    try:
        for setting in ("query_only = 1", "trusted_schema = 0", "mmap_size = 0"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection
