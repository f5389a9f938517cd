"""What every projection must pass, whoever wrote it. Subclass `ProjectionConformance`, name the class and give events.

    class TestAgents(ProjectionConformance):
        projection = Agents

        def parts(self) -> Parts:
            return ListLog(my_events), Formats.load(), join

It checks what the engine relies on (laws L5, L6): batches may be cut anywhere, the object may be thrown away between
any two of them, a batch may be undone and come again, and a rebuild gives the same rows.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from eventsrc.clock import SystemClock, format_time
from eventsrc.durable import SystemDisk
from eventsrc.event import Event, Position
from eventsrc.limits import APPLY_EVENTS
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.feed import Feed, LogFiles, Parts
from eventsrc.projector.generations import current
from eventsrc.projector.portion import Join, Portion, Reads, portion_of
from eventsrc.projector.rebuild import rebuild
from eventsrc.projector.site import Site
from eventsrc.projector.store import Store

_RECORDED = 1_768_039_200.0  # 2026-01-10T10:00:00Z

Rows = dict[str, list[tuple[Any, ...]]]


class Run(msgspec.Struct, frozen=True):
    """A run of events `[start_byte, end_byte)` of a `ListLog`, which counts events as if they were bytes."""

    start_byte: int
    end_byte: int


class ListLog:
    """A log in memory, as the projector sees one."""

    def __init__(self, events: Iterable[Event] = (), *, chunk: int = 100) -> None:
        self.events = list(events)
        self.chunk = chunk
        self.reads = 0

    def head(self) -> Position:
        return len(self.events)

    def read(self, after: Position, *, until: Position | None = None, max_events: int, max_bytes: int) -> list[Event]:
        self.reads += 1
        return self.events[after : min(after + max_events, len(self.events) if until is None else until)]

    run = read

    def chunks(self, after: Position, until: Position, size: int = 0) -> Iterator[Run]:
        for start in range(after, until, self.chunk):
            yield Run(start, min(start + self.chunk, until))

    def read_chunk(self, chunk: Run) -> list[Event]:
        return self.events[chunk.start_byte : chunk.end_byte]


def event(position: Position, data: object, *, type: str = "test.fact", subject: str = "session/s") -> Event:
    """An event as the log would hold it; its recorded time follows from its position."""
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return Event(
        sequence=f"{position:020d}",
        id=f"e{position}",
        source="urn:test",
        type=type,
        subject=subject,
        revision=position,
        recordedtime=format_time(_RECORDED + position / 1000),
        data=msgspec.Raw(raw),
        crc32=f"{zlib.crc32(raw + str(position).encode()):08x}",
    )


def site(read_dir: Path, log: LogFiles, formats: Reads, join: Join) -> Site:
    """Everything a projector needs, on the real disk, over the given log."""
    return Site(read_dir, Feed(lambda: (log, formats, join), workers=0), SystemDisk(), SystemClock())


def rows(path: Path) -> Rows:
    """Every row of every table, in an order that does not depend on how they were written."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        listed = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = sorted(name for (name,) in listed if not _is_shadow(connection, name))
        found = {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}
        return {table: sorted(found[table], key=repr) for table in tables}
    finally:
        connection.close()


def _is_shadow(connection: sqlite3.Connection, name: str) -> bool:
    """Tables in which a virtual table keeps its index: how that is cut depends on the batches, and may."""
    query = "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?"
    return bool(connection.execute(query, (name,)).fetchone() == ("shadow",))


class ProjectionConformance:
    """See the module. `seed` decides how the batches are cut."""

    projection: ClassVar[type[Projection]]
    seed: ClassVar[int] = 7
    cuts: ClassVar[int] = 5

    def parts(self) -> Parts:
        """The log, the formats and their join."""
        raise AssertionError("a suite says which log its projection reads")

    def test_a_rebuild_gives_the_same_rows_as_living_does(self, tmp_path: Path) -> None:
        log, formats, join = self.parts()
        here = site(tmp_path / "read", log, formats, join)
        results = rebuild([self.projection], here)
        assert results[0].error == ""
        assert results[0].events == log.head()
        assert rows(current(here.read_dir, self.projection.name)) == self._lived(tmp_path, [log.head()])

    def test_batches_may_be_cut_anywhere(self, tmp_path: Path) -> None:
        head = self.parts()[0].head()
        whole = self._lived(tmp_path / "whole", [head])
        chance = random.Random(self.seed)
        for turn in range(self.cuts):
            sizes = _cut(head, chance)
            assert self._lived(tmp_path / f"cut{turn}", sizes) == whole, sizes

    def test_the_object_may_be_thrown_away_between_any_two_batches(self, tmp_path: Path) -> None:
        head = self.parts()[0].head()
        whole = self._lived(tmp_path / "whole", [head])
        sizes = _cut(head, random.Random(self.seed + 1))
        assert self._lived(tmp_path / "renewed", sizes, renew=True) == whole

    def test_a_batch_that_was_undone_leaves_nothing_behind(self, tmp_path: Path) -> None:
        head = self.parts()[0].head()
        whole = self._lived(tmp_path / "whole", [head])
        sizes = _cut(head, random.Random(self.seed + 2))
        assert self._lived(tmp_path / "undone", sizes, undo=True) == whole

    def test_a_batch_that_comes_again_changes_nothing(self, tmp_path: Path) -> None:
        head = self.parts()[0].head()
        whole = self._lived(tmp_path / "whole", [head])
        sizes = _cut(head, random.Random(self.seed + 3))
        assert self._lived(tmp_path / "again", sizes, again=True) == whole

    def _lived(
        self, folder: Path, sizes: Sequence[int], *, renew: bool = False, undo: bool = False, again: bool = False
    ) -> Rows:
        """The rows after a life in batches of the given sizes."""
        folder.mkdir(parents=True, exist_ok=True)
        feed = Feed(self.parts, workers=0)
        path = folder / f"{self.projection.name}-1.db"
        Store.create(path, self.projection).finish(SystemDisk())
        model = ReadModel(Store.open(path, self.projection), feed, str(folder / "files"))
        for portion in self._portions(sizes):
            if undo:
                model.fold(portion)
                model.close()
            model.apply(portion)
            if again:
                model.apply(portion)
            if renew:
                model.close()
                model.store.close()
                model = ReadModel(Store.open(path, self.projection), feed, str(folder / "files"))
        model.close()
        model.store.close()
        return rows(path)

    def _portions(self, sizes: Sequence[int]) -> Iterator[Portion]:
        log, formats, join = self.parts()
        ends = list(itertools.accumulate(sizes))
        for after, until in zip([0, *ends], ends, strict=False):
            while after < until:
                found = log.read(after, until=until, max_events=APPLY_EVENTS, max_bytes=1 << 30)
                yield portion_of(found, formats, join)
                after = found[-1].position


def _cut(head: Position, chance: random.Random) -> list[int]:
    """Batch sizes that add up to `head`: single events, small runs and large ones, mixed."""
    sizes: list[int] = []
    while (left := head - sum(sizes)) > 0:
        sizes.append(min(left, chance.choice([1, 1, 2, 3, 7, 50, 1000])))
    return sizes
