"""What can be given out as tables: read models, each as it stands at one moment, and the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from eventsrc.errors import UsageError
from eventsrc.event import Event, Position
from eventsrc.log import LogReader
from eventsrc.query import Column, Snapshot, Table
from eventsrc.query.export import to_json_lines
from eventsrc.service.asking import read_models

LOG = "log"
"""Names the log where read models are named."""

_NUMBERS = ("position", "revision")
_TEXTS = ("id", "source", "type", "subject", "time", "recordedtime", "datacontenttype", "data", "data_base64", "cursor")
_EVENTS = tuple(Column(name, "integer") for name in _NUMBERS) + tuple(Column(name, "text") for name in _TEXTS)


class Relations(Protocol):
    """Tables with rows, read a few at a time."""

    def tables(self, names: Sequence[str]) -> list[Table]:
        """Those of these names, all without names. Raises UsageError."""
        ...

    def rows(self, table: Table) -> Iterable[Sequence[Any]]: ...

    def json_lines(self, table: Table) -> Iterable[bytes]:
        """The rows as JSON, without line feeds."""
        ...


@contextmanager
def relations(data: Path, name: str) -> Iterator[Relations]:
    """The tables of a read model, or of the log. Raises NoStore, UnknownProjection, NotFound, ReadModelBroken."""
    models = read_models(data)
    if name == LOG:
        yield _OfLog(LogReader(data))
        return
    with models.snapshot(name) as snapshot:
        yield _OfModel(name, snapshot)


class _OfModel:
    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self._name, self._snapshot = name, snapshot

    def tables(self, names: Sequence[str]) -> list[Table]:
        return [self._snapshot.table(name) for name in _chosen(self._name, names, self._snapshot.names())]

    def rows(self, table: Table) -> Iterable[Sequence[Any]]:
        return self._snapshot.rows(table)

    def json_lines(self, table: Table) -> Iterable[bytes]:
        return to_json_lines([column.name for column in table.columns], self._snapshot.rows(table))


class _OfLog:
    """One table, `events`; as JSON its lines are those of the log, byte for byte."""

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def tables(self, names: Sequence[str]) -> list[Table]:
        return [Table(name, _EVENTS, self._log.head()) for name in _chosen(LOG, names, ["events"])]

    def rows(self, table: Table) -> Iterable[Sequence[Any]]:
        return (_row(event) for event, _ in self._lines(table.rows))

    def json_lines(self, table: Table) -> Iterable[bytes]:
        return (line for _, line in self._lines(table.rows))

    def _lines(self, until: Position) -> Iterator[tuple[Event, bytes]]:
        after = 0
        while after < until:
            part = self._log.lines(after, until=until)
            yield from part
            after += len(part)


def _chosen(of: str, names: Sequence[str], there: list[str]) -> list[str]:
    if strange := [name for name in names if name not in there]:
        raise UsageError(reason=f"{of} has no table {strange[0]!r}; it has: {', '.join(there) or 'none'}")
    return list(dict.fromkeys(names)) or there


def _row(event: Event) -> tuple[Any, ...]:
    data = bytes(event.data).decode() if event.data_base64 is None else None
    texts = (event.id, event.source, event.type, event.subject, event.time, event.recordedtime, event.datacontenttype)
    return (event.position, event.revision, *texts, data, event.data_base64, event.cursor)
