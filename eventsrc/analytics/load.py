"""Loading one experiment into DuckDB: all of it in one transaction, or nothing. Blocks; imports duckdb.

A file whose bytes are those of the ledger is left alone; one that only grew is continued; any other is loaded again.
Rows that follow from the read model (conversations, turns, messages, tokens, errors) are replaced each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import msgspec

from eventsrc.analytics.dossier import Dossier, tables_of
from eventsrc.analytics.rows import insert
from eventsrc.analytics.stream import Content, Line, Rejected, content_of, lines_of, logs_of
from eventsrc.analytics.tables import RULES, TABLES
from eventsrc.errors import LoadFailed, TryAgain

Outcome = Literal["unchanged", "loaded", "continued", "again"]
PROBLEMS = 100  # rejected lines that a report names; the table has all of them
_BY_CONVERSATION = ("turns", "messages", "token_usage", "errors", "conversations")


class StreamLoad(msgspec.Struct, frozen=True):
    """What became of one log."""

    file: str
    outcome: Outcome
    rows: int
    """Events of it that the database now holds."""
    rejected: int


class Load(msgspec.Struct, frozen=True):
    """What became of one experiment."""

    id: str
    streams: list[StreamLoad]
    problems: list[Rejected] = []
    """Lines that were rejected just now, the first `PROBLEMS` of them."""

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.streams)

    @property
    def rejected(self) -> int:
        return sum(one.rejected for one in self.streams)


def load(dossier: Dossier, database: Path, *, force: bool = False) -> Load:
    """Brings the database up to the files and the dossier. `force`: loads every file again.

    Raises LoadFailed when a file cannot be read or the database refuses, TryAgain when another process has it open.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(database))
    except duckdb.IOException as error:
        raise TryAgain(reason=f"{database} cannot be opened now: {error}") from error
    except (OSError, duckdb.Error) as error:
        raise LoadFailed(id=dossier.id, reason=str(error)) from error
    try:
        return _in_one_transaction(connection, dossier, force)
    except (OSError, duckdb.Error) as error:
        raise LoadFailed(id=dossier.id, reason=str(error)) from error
    finally:
        connection.close()


def _in_one_transaction(connection: duckdb.DuckDBPyConnection, dossier: Dossier, force: bool) -> Load:
    connection.execute("BEGIN")
    for statement in TABLES:
        connection.execute(statement)
    problems: list[Rejected] = []
    streams = [_stream(connection, dossier, path, force, problems) for path in logs_of(Path(dossier.folder))]
    _derived(connection, dossier)
    connection.execute("COMMIT")
    return Load(dossier.id, streams, problems[:PROBLEMS])


def _stream(
    connection: duckdb.DuckDBPyConnection, dossier: Dossier, path: Path, force: bool, problems: list[Rejected]
) -> StreamLoad:
    stream = f"{dossier.id}/{path.name}"
    known = connection.execute(
        "SELECT file_hash, bytes, last_sequence, rows, rejected, rule_version FROM loads WHERE stream_id = ?", [stream]
    ).fetchone()
    content = content_of(path)
    outcome = "again" if force and known else _outcome(path, content, known)
    if outcome == "unchanged":
        assert known is not None, "what is unchanged was loaded"
        return StreamLoad(str(path), outcome, known[3], known[4])
    start, sequence, rows, rejected = (known[1], *known[2:5]) if outcome == "continued" and known else (0, 0, 0, 0)
    if outcome != "continued":
        for table in ("events", "rejected"):
            connection.execute(f"DELETE FROM {table} WHERE stream_id = ?", [stream])
    good, bad, last = _insert_lines(connection, stream, dossier, lines_of(path, start, content.bytes, sequence + 1))
    problems += bad
    rows, rejected, sequence = rows + good, rejected + len(bad), max(sequence, last)
    about = connection.execute("SELECT min(conversation_id) FROM events WHERE stream_id = ?", [stream]).fetchone()
    facts = [stream, dossier.id, about[0] if about else None, str(path), content.digest, content.bytes, sequence]
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute(
        "INSERT OR REPLACE INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*facts, rows, rejected, RULES, now]
    )
    return StreamLoad(str(path), outcome, rows, rejected)


def _outcome(path: Path, content: Content, known: tuple[Any, ...] | None) -> Outcome:
    """What has to be done with a file, given what the ledger says."""
    if known is None:
        return "loaded"
    file_hash, size, rules = known[0], known[1], known[5]
    if rules != RULES:
        return "again"
    if (content.digest, content.bytes) == (file_hash, size):
        return "unchanged"
    return "continued" if content.bytes > size and content_of(path, size).digest == file_hash else "again"


def _insert_lines(
    connection: duckdb.DuckDBPyConnection, stream: str, dossier: Dossier, lines: Iterable[Line | Rejected]
) -> tuple[int, list[Rejected], int]:
    """Puts events and what was rejected into their tables; returns how many events, what was rejected, and the number
    of the last line."""
    rejected: list[Rejected] = []
    last = 0
    experiment = dossier.id if dossier.run["kind"] == "experiment" else None

    def events() -> Iterator[list[Any]]:
        nonlocal last
        for line in lines:
            if isinstance(line, Rejected):
                last = line.line
                rejected.append(line)
                continue
            last = line.sequence
            about = (line.conversation_id, line.event_type, line.timestamp, line.local_time, line.event_data)
            yield [stream, line.sequence, experiment, *about]

    good = _insert(connection, "events", events())
    _insert(connection, "rejected", ([stream, one.line, one.reason, one.head] for one in rejected))
    return good, rejected, last


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[list[Any]]) -> int:
    described = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]
    ).fetchall()
    return insert(connection, table, described, rows)


def _derived(connection: duckdb.DuckDBPyConnection, dossier: Dossier) -> None:
    """Replaces what follows from the read model."""
    names = [one["conversation_id"] for one in dossier.conversations]
    for table in _BY_CONVERSATION:
        connection.execute(f"DELETE FROM {table} WHERE conversation_id IN (SELECT unnest(?::VARCHAR[]))", [names])
    connection.execute("DELETE FROM experiments WHERE experiment_id = ?", [dossier.id])
    for table, rows in tables_of(dossier).items():
        _insert(connection, table, rows)
