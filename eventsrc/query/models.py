"""The read models of one data directory, as somebody who asks sees them. All of it blocks: call it on a thread."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

from eventsrc.clock import Clock, SystemClock
from eventsrc.errors import NoStore, QueryError, ReadModelBroken, UnknownProjection
from eventsrc.event import Position
from eventsrc.limits import QUERY_BYTES, QUERY_ROWS, QUERY_SECONDS
from eventsrc.plugin import Question
from eventsrc.query.answer import Answer, Cell, Freshness, distinct
from eventsrc.query.changes import Changes
from eventsrc.query.connection import holding, reading
from eventsrc.query.snapshot import Snapshot

_READS = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*(?:SELECT|WITH|VALUES|EXPLAIN|PRAGMA)\b", re.I | re.S)
_FETCH = 256  # rows between two looks at how large the answer has become


Current: TypeAlias = Callable[[Path, str], Path]
"""(read directory, name) → the database that answers now, `…/<name>-<generation>.db`. Raises `NotFound` when none has
been built, `ReadModelBroken` when the pointer leads nowhere. The projector's `generations.current` is one."""

Opened: TypeAlias = Callable[[Path, Clock, float], AbstractContextManager[sqlite3.Connection]]
"""(database, clock, seconds) → a connection that only reads."""


class ReadModels:
    """Answers questions. Holds no connection: each question opens the generation that answers now."""

    def __init__(
        self,
        read_dir: Path,
        questions: Mapping[str, Sequence[Question]],
        current: Current,
        *,
        clock: Clock | None = None,
        seconds: float = QUERY_SECONDS,
    ) -> None:
        """`questions` are those of the installed projections, by name; a read model whose projection is no longer
        installed still answers SQL. `current` follows the pointer, anew for each question."""
        self._read_dir = read_dir
        self._questions = questions
        self._current = current
        self._clock = clock or SystemClock()
        self._seconds = seconds

    def names(self) -> list[str]:
        """Every read model that is installed or has been built, sorted."""
        built = [entry.name for entry in self._read_dir.iterdir() if entry.is_dir()] if self._read_dir.is_dir() else []
        return sorted({*built, *self._questions})

    def questions(self, name: str) -> Sequence[Question]:
        """The named questions of a read model. Raises `UnknownProjection`."""
        self._check(name)
        return self._questions.get(name, ())

    def ask(self, name: str, question: str, parameters: Mapping[str, Cell] | None = None) -> Answer:
        """Answers a named question; a parameter that is not given is the question's default, or NULL.

        Raises `QueryError` when there is no such question or parameter, and what `sql` raises.
        """
        found = next((q for q in self.questions(name) if q.name == question), None)
        if found is None:
            known = ", ".join(q.name for q in self.questions(name)) or "none"
            raise QueryError(reason=f"{name} knows no question {question!r}; it knows: {known}")
        given = dict(parameters or {})
        if strange := sorted(set(given) - set(found.parameters)):
            known = ", ".join(found.parameters) or "none"
            raise QueryError(reason=f"{question} takes no parameter {strange[0]!r}; it takes: {known}")
        values = {each: given.get(each, found.defaults.get(each)) for each in found.parameters}
        for each, allowed in found.choices.items():
            if values[each] is not None and values[each] not in allowed:
                raise QueryError(reason=f"{each} is one of {', '.join(allowed)}, not {values[each]!r}")
        return self.sql(name, found.sql, values)

    def sql(
        self, name: str, text: str, parameters: Mapping[str, Cell] | Sequence[Cell] = (), *, most: int = QUERY_ROWS
    ) -> Answer:
        """Answers one SQL statement that only reads; at most `most` rows, and `limits.QUERY_ROWS` in any case.

        Raises `UnknownProjection`, `NotFound` (not built yet), `ReadModelBroken`, and `QueryError` for everything
        that is wrong with the statement, including that it takes too long or gives too much.
        """
        if not _READS.match(text):
            raise QueryError(reason="only one SELECT, WITH, VALUES, EXPLAIN or PRAGMA statement can be asked")
        with self._open(name) as (_, connection):
            cursor = connection.execute(text, parameters)
            columns = distinct([column[0] for column in cursor.description or ()])
            rows, truncated = _fetch(cursor, min(most, QUERY_ROWS))
            return Answer(columns, rows, truncated)

    def changes(self, name: str) -> Changes:
        """Tells when a read model changes; the caller closes it."""
        return Changes(lambda: self._current(self._read_dir, name))

    def freshness(self, name: str, head: Position) -> Freshness:
        """How far the read model stands behind `head`, the position of the log's last event. Raises like `sql`."""
        with self._open(name) as (generation, connection):
            (position,) = connection.execute("SELECT coalesce(max(position), 0) FROM position").fetchone()
            (dead,) = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
            return Freshness(name, generation, position, head, dead)

    @contextmanager
    def snapshot(self, name: str) -> Iterator[Snapshot]:
        """All of a read model as it stands now, for as long as the context lasts. Raises like `sql`."""
        with self._open(name, holding) as (_, connection):
            yield Snapshot(connection)

    def _check(self, name: str) -> None:
        if not self._read_dir.parent.is_dir():
            raise NoStore(path=self._read_dir.parent)
        names = self.names()
        if name not in names:  # also keeps a name from being a path
            raise UnknownProjection(name=name, known=", ".join(names) or "none")

    @contextmanager
    def _open(self, name: str, opened: Opened = reading) -> Iterator[tuple[int, sqlite3.Connection]]:
        self._check(name)
        path = self._current(self._read_dir, name)
        try:
            with opened(path, self._clock, self._seconds) as connection:
                yield int(path.stem.rpartition("-")[2]), connection
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", None)  # it has none when a text is no UTF-8
            if code == sqlite3.SQLITE_INTERRUPT:
                raise QueryError(reason=f"it took longer than {self._seconds:g} seconds") from error
            raise QueryError(reason=str(error)) from error
        except (sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.NotSupportedError) as error:
            raise QueryError(reason=str(error)) from error
        except sqlite3.DatabaseError as error:
            raise _database_error(name, error) from error
        except sqlite3.Warning as error:  # more than one statement, on CPython 3.11
            raise QueryError(reason=str(error)) from error
        except (OverflowError, MemoryError) as error:
            raise QueryError(reason=str(error) or type(error).__name__) from error


def _database_error(name: str, error: sqlite3.DatabaseError) -> QueryError | ReadModelBroken:
    damaged = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return ReadModelBroken(name=name, reason=str(error)) if code in damaged else QueryError(reason=str(error))


def _fetch(cursor: sqlite3.Cursor, most: int) -> tuple[list[tuple[Cell, ...]], bool]:
    """Up to `most` rows and whether there are more. Raises `QueryError` past `limits.QUERY_BYTES`."""
    rows: list[tuple[Cell, ...]] = []
    size = 0
    while part := cursor.fetchmany(min(_FETCH, most + 1 - len(rows))):
        rows += part
        size += sum(len(cell) if isinstance(cell, str | bytes) else 16 for row in part for cell in row)
        if size > QUERY_BYTES:
            raise QueryError(reason=f"the answer is larger than {QUERY_BYTES} bytes; ask for fewer rows or columns")
        if len(rows) > most:
            return rows[:most], True
    return rows, False
