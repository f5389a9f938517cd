"""The monitor on a small read model that a writer changes while it is looked at."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from eventsrc.cli.monitor.app import Monitor
from eventsrc.cli.monitor.feed import Feed
from eventsrc.cli.monitor.screen import ListScreen
from eventsrc.errors import NotFound
from eventsrc.plugin import Question
from eventsrc.query import ReadModels
from projections.agents import Agents
from tests.agents_filled import fill

NOW = 1_768_039_200.0  # 2026-01-10T10:00:00Z
PATIENCE = 20.0  # seconds for what takes milliseconds on a quiet machine
THINGS = (
    Question("list", "SELECT thing_id, colour FROM things ORDER BY thing_id", "All things."),
    Question("thing", "SELECT * FROM things WHERE thing_id = :thing_id", "One.", ("thing_id",), ("thing_id",)),
)


class World:
    """Read models in a folder, a clock that stands still, and a writer."""

    def __init__(self, folder: Path, blocks: int = 900) -> None:
        self.read = folder / "read"
        self.now = NOW
        (self.read / "agents").mkdir(parents=True)
        if blocks:
            self.build(blocks)

    def build(self, blocks: int) -> None:
        fill(self.path("agents"), blocks, now=NOW - 60).close()
        self.write("PRAGMA journal_mode = WAL")

    def path(self, name: str) -> Path:
        return self.read / name / f"{name}-1.db"

    def write(self, *statements: str, name: str = "agents") -> None:
        connection = sqlite3.connect(self.path(name), isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def add_things(self) -> None:
        """A second read model that the monitor was never told of."""
        (self.read / "things").mkdir()
        self.write("CREATE TABLE things(thing_id TEXT, colour TEXT)", name="things")
        self.write("INSERT INTO things VALUES ('t1', 'blue'), ('t2', 'red')", name="things")

    def feed(self) -> Feed:
        questions: dict[str, Sequence[Question]] = {"agents": Agents.questions, "things": THINGS}
        return Feed(ReadModels(self.read, questions, self._current), lambda: self.now)

    def monitor(self) -> Monitor:
        return Monitor(self.feed(), every=0.25, clock=lambda: self.now)

    def _current(self, _folder: Path, name: str) -> Path:
        if not self.path(name).exists():
            raise NotFound(what="read model", name=name)
        return self.path(name)


def screen(pilot: Pilot[None]) -> ListScreen:
    """The list that is shown."""
    assert isinstance(pilot.app.screen, ListScreen)
    return pilot.app.screen


def lines(pilot: Pilot[None]) -> list[str]:
    """The rows that are shown, as text."""
    table = screen(pilot).table
    return ["".join(cell.plain for cell in table.get_row_at(number)) for number in range(table.row_count)]


def line(pilot: Pilot[None], name: str) -> str:
    """The line above or below."""
    return str(pilot.app.screen.query_one(f"#{name}", Static).render())


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Lets the application go on until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await pilot.pause(0.01)


async def shown(pilot: Pilot[None], name: str) -> None:
    """Waits for the rows of a list."""
    await until(
        pilot,
        lambda: (
            isinstance(pilot.app.screen, ListScreen)
            and pilot.app.screen.view.name == name
            and pilot.app.screen.is_mounted
            and pilot.app.screen.seen
            and pilot.app.screen.table.row_count
        ),
    )
