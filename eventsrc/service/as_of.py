"""The read models as they stood at a checkpoint, asked like the ones of today. Blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from eventsrc.clock import SystemClock
from eventsrc.errors import CheckpointBroken, NotFound, QueryError
from eventsrc.limits import BRANCH_SECONDS, QUERY_ROWS
from eventsrc.plugin import Question
from eventsrc.projector.discovery import discover
from eventsrc.query.connection import reading


class AsOf:
    """The copies in one checkpoint. They are immutable, so two questions see the same moment. Use it in a `with`: each
    copy is opened once, since a conversation is hundreds of questions."""

    def __init__(self, id_: str, folder: Path) -> None:
        """`folder`: that of the checkpoint."""
        self._id = id_
        self._folder = folder
        self._questions: dict[str, Sequence[Question]] | None = None
        self._open = ExitStack()
        self._connections: dict[str, sqlite3.Connection] = {}

    def __enter__(self) -> AsOf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.clear()
        self._open.close()

    def ask(self, model: str, question: str, parameters: Mapping[str, Any], /) -> list[dict[str, Any]]:
        """A named question, one mapping per row, at most `limits.QUERY_ROWS`.

        Raises `NotFound` when the checkpoint holds no copy of the read model, or nobody knows its questions any more;
        `QueryError` when the copy is too old for the question; `CheckpointBroken`."""
        found = next((one for one in self._of(model) if one.name == question), None)
        if found is None or not self._path(model).is_file():
            raise NotFound(what=f"read model in checkpoint {self._id}:", name=model)
        values = {name: parameters.get(name, found.defaults.get(name)) for name in found.parameters}
        try:
            cursor = self._connection(model).execute(found.sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(QUERY_ROWS)]
        except sqlite3.OperationalError as error:  # another version's tables
            raise QueryError(reason=f"{model} in checkpoint {self._id}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise CheckpointBroken(id=self._id, reason=f"{model}.db: {error}") from error

    def beside(self, model: str, name: str) -> str | None:
        """The text of a file that the read model keeps beside its rows; None when it is not there."""
        folder = (self._folder / f"{model}.files").resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            return None
        return path.read_text("utf-8", "replace")

    def _connection(self, model: str) -> sqlite3.Connection:
        if model not in self._connections:
            opened = self._open.enter_context(reading(self._path(model), SystemClock(), BRANCH_SECONDS))
            self._connections[model] = opened
        return self._connections[model]

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.db"

    def _of(self, model: str) -> Sequence[Question]:
        if self._questions is None:
            self._questions = {name: one.questions for name, one in discover().projections.items()}
        return self._questions.get(model, ())
