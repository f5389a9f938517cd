"""The yard: read models that are wanted at the same time are built from one pass over the log, each by itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

import anyio
import anyio.to_thread
import pytest

from eventsrc.errors import EventsrcError, ReadModelBroken, RebuildStopped
from eventsrc.event import Position
from eventsrc.plugin import Projection, Reading
from eventsrc.projector.build import Build
from eventsrc.projector.generations import Generations
from eventsrc.projector.yard import Order, Yard
from tests.conformance.projections import ListLog, rows, site
from tests.conformance.prompts import Counting, Prompts, Second, join, notes

COUNT = 500


class Unsound(Prompts):
    """Its indexes cannot be made."""

    name = "unsound"
    late_schema: ClassVar = ("CREATE INDEX nothing ON nowhere(nothing)",)


class Held(Prompts):
    """Waits in the middle of its build."""

    name = "held"
    reached = threading.Event()
    go_on = threading.Event()

    def fold(self, reading: Reading) -> None:
        if reading.position > COUNT // 2:
            Held.reached.set()
            assert Held.go_on.wait(20)
        super().fold(reading)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> type[Held]:
    monkeypatch.setattr(Held, "reached", threading.Event())
    monkeypatch.setattr(Held, "go_on", threading.Event())
    return Held


class Stage:
    """A yard over a log in memory, and what came of each order."""

    def __init__(self, tmp_path: Path) -> None:
        self.counting = Counting()
        self.site = site(tmp_path / "read", ListLog(notes(COUNT)), self.counting, join)
        self.yard = Yard(self.site)
        self.outcomes: dict[str, Build | EventsrcError] = {}

    async def order(self, order: Order) -> None:
        try:
            self.outcomes[order.name] = await self.yard.build(order)
        except EventsrcError as error:
            self.outcomes[order.name] = error

    async def all(self, *projections: type[Projection]) -> None:
        async with anyio.create_task_group() as tasks:
            for projection in projections:
                tasks.start_soon(self.order, Order(projection))

    def built(self, name: str) -> Build:
        outcome = self.outcomes[name]
        assert isinstance(outcome, Build), outcome
        return outcome

    def there(self, name: str) -> list[int]:
        return Generations(self.site.read_dir, name).numbers()


async def test_what_is_wanted_at_the_same_time_is_made_from_one_pass(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.all(Prompts, Second)
    assert stage.counting.times == dict.fromkeys(range(1, COUNT + 1), 1)
    made = [rows(stage.site.read_dir / name / f"{name}-1.db") for name in ("prompts", "second")]
    assert made[0]["prompts"] == made[1]["prompts"]
    assert len(made[0]["prompts"]) > COUNT // 10


async def test_who_comes_during_a_pass_gets_the_next_one(tmp_path: Path, held: type[Held]) -> None:
    stage = Stage(tmp_path)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stage.order, Order(held))
            assert await anyio.to_thread.run_sync(held.reached.wait, 20)
            tasks.start_soon(stage.order, Order(Prompts))
            await anyio.wait_all_tasks_blocked()
            held.go_on.set()
    stage.built("held")
    stage.built("prompts")
    assert stage.counting.times == dict.fromkeys(range(1, COUNT + 1), 2)


async def test_one_that_cannot_be_built_fails_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.all(Unsound, Prompts)
    assert isinstance(stage.outcomes["unsound"], ReadModelBroken)
    assert stage.there("unsound") == []
    stage.built("prompts")


async def test_one_that_is_wanted_no_more_is_dropped_and_the_others_go_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    heard: list[tuple[Position, Position]] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.order, Order(Second, lambda: not heard))
        tasks.start_soon(stage.order, Order(Prompts, told=lambda *place: heard.append(place)))
    assert isinstance(stage.outcomes["second"], RebuildStopped)
    assert stage.there("second") == []
    stage.built("prompts")
    assert heard == [(position, COUNT) for position in range(100, COUNT + 1, 100)]


async def test_when_the_one_that_makes_the_pass_is_cancelled_another_one_makes_it(
    tmp_path: Path, held: type[Held]
) -> None:
    stage = Stage(tmp_path)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            maker = anyio.CancelScope()

            async def make() -> None:
                with maker:
                    await stage.order(Order(held))

            tasks.start_soon(make)
            tasks.start_soon(stage.order, Order(Prompts))
            assert await anyio.to_thread.run_sync(held.reached.wait, 20)
            maker.cancel()
            held.go_on.set()
    assert "held" not in stage.outcomes
    assert stage.there("held") == []
    stage.built("prompts")


async def test_what_was_built_for_one_who_is_gone_is_removed(tmp_path: Path, held: type[Held]) -> None:
    stage = Stage(tmp_path)
    gone = anyio.CancelScope()

    async def leave() -> None:
        with gone:
            await stage.order(Order(Second))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stage.order, Order(held))
            tasks.start_soon(leave)
            assert await anyio.to_thread.run_sync(held.reached.wait, 20)
            gone.cancel()
            await anyio.wait_all_tasks_blocked()
            held.go_on.set()
    stage.built("held")
    assert stage.there("second") == []
