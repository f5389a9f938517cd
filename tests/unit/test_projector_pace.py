"""The pace: read models that keep up go in step, so that the log is decoded once for all; nobody waits for long."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import ClassVar

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from eventsrc.actor import Watermark
from eventsrc.event import Position
from eventsrc.limits import APPLY_EVENTS
from eventsrc.projector import feed as feed_module
from eventsrc.projector import pace as pace_module
from eventsrc.projector.actor import Projector
from eventsrc.projector.pace import Pace
from eventsrc.projector.site import Standing
from eventsrc.projector.together import Together
from tests.conformance.projections import ListLog, site
from tests.conformance.prompts import Counting, Notes, Prompts, Second, join, notes

FAR = 10 * APPLY_EVENTS


async def test_those_who_stand_together_are_told_the_same_head() -> None:
    pace = Pace()
    assert await pace.set_out("a", 0, 10) == 10
    assert await pace.set_out("b", 0, 25) == 10, "else its portion would be another one"


async def test_nobody_sets_out_again_before_all_have_arrived() -> None:
    pace, out = Pace(), list[str]()

    async def go(name: str) -> None:
        await pace.set_out(name, 10, 30)
        out.append(name)

    for name in ("a", "b", "c"):
        await pace.set_out(name, 0, 20)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go, "a")
        tasks.start_soon(go, "b")
        await wait_all_tasks_blocked()
        assert out == []
        tasks.start_soon(go, "c")
    assert sorted(out) == ["a", "b", "c"]


async def test_who_rests_or_ends_is_not_waited_for() -> None:
    pace = Pace()
    for name in ("a", "b"):
        await pace.set_out(name, 0, 20)
    pace.leave("b")
    with anyio.fail_after(0.5):
        assert await pace.set_out("a", 10, 30) == 30


async def test_who_is_held_up_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "STRAGGLER_SECONDS", 0.05)
    pace = Pace()
    for name in ("a", "held up"):
        await pace.set_out(name, 0, FAR)
    assert await pace.set_out("a", 10, FAR) == FAR
    monkeypatch.setattr(pace_module, "STRAGGLER_SECONDS", 60.0)
    with anyio.fail_after(5):
        for position in range(20, 100, 10):
            assert await pace.set_out("held up", 0, FAR) == position - 10
            assert await pace.set_out("a", position, FAR) == FAR


async def test_who_was_held_up_and_moves_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "STRAGGLER_SECONDS", 0.05)
    pace = Pace()
    for name in ("a", "held up"):
        await pace.set_out(name, 0, FAR)
    await pace.set_out("a", 10, FAR)
    await pace.set_out("held up", 5, FAR)
    monkeypatch.setattr(pace_module, "STRAGGLER_SECONDS", 60.0)
    with anyio.move_on_after(0.1) as waited:
        await pace.set_out("a", 20, FAR)
    assert waited.cancelled_caught


async def test_who_is_a_little_behind_is_sent_to_where_the_others_stand_and_joins_them() -> None:
    pace = Pace()
    await pace.set_out("a", 100, 500)
    assert await pace.set_out("b", 40, 700) == 100
    assert await pace.set_out("b", 100, 700) == 500


async def test_nobody_waits_for_one_who_is_far_behind() -> None:
    pace = Pace()
    await pace.set_out("a", FAR, FAR + 10)
    assert await pace.set_out("b", 5, FAR + 10) == FAR
    with anyio.fail_after(0.5):
        assert await pace.set_out("a", FAR + 5, FAR + 20) == FAR + 20


class Slow(Prompts):
    """Commits so slowly that the others would be far ahead of it."""

    name = "slow"
    schema: ClassVar = (*Prompts.schema, "CREATE TABLE ballast(n INTEGER) STRICT")

    def flush(self) -> None:
        super().flush()
        count = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT n FROM c"
        self.connection.execute(f"INSERT INTO ballast {count}")
        self.connection.execute("DELETE FROM ballast")


async def test_a_log_that_grew_faster_than_it_was_committed_is_read_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "APPLY_EVENTS", 50)  # portions of fifty: many more than are kept
    log, counting, watermark = ListLog(), Counting(), Watermark()
    here = site(tmp_path / "read", log, counting, join)
    together = Together.on(here)
    positions: dict[str, Position] = {}
    moved = anyio.Event()

    def hear(standing: Standing) -> None:
        if standing.state == "live":
            positions[standing.name] = standing.position
            moved.set()

    projectors = [Projector(one, here, watermark, hear, together) for one in (Prompts, Second, Slow)]
    events = notes(4_000)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for projector in projectors:
                tasks.start_soon(projector.run)
            while len(positions) < 3:
                await moved.wait()
                moved = anyio.Event()
            log.events += events
            watermark.advance(len(events))
            watermark.close()
    assert set(positions.values()) == {4_000}
    assert counting.times == dict.fromkeys(range(1, 4_001), 1)


async def test_a_read_model_that_cannot_commit_holds_the_others_up_once_and_not_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_module, "STRAGGLER_SECONDS", 0.1)
    log, watermark = ListLog(notes(10)), Watermark(10)
    here = site(tmp_path / "read", log, Notes(), join)
    together = Together.on(here)
    positions: dict[str, Watermark] = {"prompts": Watermark(), "second": Watermark()}

    async def reaches(name: str, position: Position) -> None:
        await positions[name].beyond(position - 1)

    def hear(standing: Standing) -> None:
        positions[standing.name].advance(standing.position)

    projectors = [Projector(one, here, watermark, hear, together) for one in (Prompts, Second)]
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for projector in projectors:
                tasks.start_soon(projector.run)
            await reaches("prompts", 10)
            await reaches("second", 10)
            other = sqlite3.connect(next((tmp_path / "read" / "second").glob("*.db")), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            log.events += notes(60)[10:]
            for end in range(20, 61, 10):
                watermark.advance(end)
                await reaches("prompts", end)
            assert positions["second"].position == 10
            other.execute("ROLLBACK")
            other.close()
            await reaches("second", 60)
            watermark.close()
