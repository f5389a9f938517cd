"""Given facts, then rows: a projection on a read model in memory, for tests of projections, ours and yours.

given = Given(Agents, tmp_path)
given.facts(PromptSubmitted(sid="s", prompt="hello", prompt_id="p"))
assert given.rows("SELECT state FROM rounds") == [("open",)]
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from eventsrc.clock import format_time
from eventsrc.plugin import Fact, Projection, Reading

_RECORDED = 1_768_039_200.0  # 2026-01-10T10:00:00Z


class Given:
    """One projection and its tables, as the engine would treat them, without a log.

    Every call is one batch unless `batches` cuts otherwise; `forget` throws the object away, as the engine may between
    any two batches. Close it, or use it as a context manager."""

    def __init__(self, projection: type[Projection], folder: Path) -> None:
        """`folder`: where the projection keeps files beside its rows."""
        self.folder = folder
        self._class = projection
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for statement in (*projection.schema, *projection.late_schema):
            self._connection.execute(statement)
        self._projection = projection(self._connection, str(folder))
        self._position = 0

    def facts(self, *facts: Fact, source: str = "urn:test", type: str = "test.fact") -> Given:
        """Folds facts, one event each."""
        return self.readings(self.reading(fact, source=source, type=type) for fact in facts)

    def reading(
        self, *facts: Fact, source: str = "urn:test", type: str = "test.fact", raw: str | None = None
    ) -> Reading:
        """The next event, with all the facts; its recorded time follows from its position."""
        self._position += 1
        position = self._position
        recorded = format_time(_RECORDED + position)
        return Reading(position, f"e{position}", type, source, list(facts), raw, "session/s", recorded)

    def readings(self, readings: Iterable[Reading], *, batches: Iterable[int] = (), forget: bool = False) -> Given:
        """Folds readings in batches of the given sizes, the rest in one; `forget` after every batch."""
        rest = list(readings)
        for size in [*batches, len(rest)]:
            batch, rest = rest[:size], rest[size:]
            self._apply(batch)
            if forget:
                self.forget()
        return self

    def forget(self) -> None:
        """Throws the object away and makes a new one on the same tables."""
        self._projection.close()
        self._projection = self._class(self._connection, str(self.folder))

    @property
    def projection(self) -> Projection:
        """The object in use now."""
        return self._projection

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Answers of SQL on the tables."""
        return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: Any) -> dict[str, Any]:
        """The only row of an answer, by column name; AssertionError when there is none, or more."""
        cursor = self._connection.execute(sql, parameters)
        found = cursor.fetchall()
        assert len(found) == 1, f"{len(found)} rows instead of one"
        return dict(zip((column[0] for column in cursor.description), found[0], strict=True))

    def ask(self, question: str, **values: Any) -> list[dict[str, Any]]:
        """Answers of a named question; what is not given is the question's default, or NULL."""
        asked = next(one for one in self._class.questions if one.name == question)
        unknown = values.keys() - set(asked.parameters)
        assert not unknown, f"{question} knows no {sorted(unknown)}"
        bound = {name: values.get(name, asked.defaults.get(name)) for name in asked.parameters}
        cursor = self._connection.execute(asked.sql, bound)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, in an order that does not depend on how they were written."""
        names = self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
        return {name: sorted(self.rows(f'SELECT * FROM "{name}"'), key=repr) for (name,) in names}

    def close(self) -> None:
        """Lets go of the projection and its tables."""
        self._projection.close()
        self._connection.close()

    def __enter__(self) -> Given:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _apply(self, batch: list[Reading]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for reading in batch:
                self._projection.fold(reading)
            self._projection.flush()
        except BaseException:
            self._connection.execute("ROLLBACK")
            self.forget()
            raise
        self._connection.execute("COMMIT")
        self._projection.committed()
