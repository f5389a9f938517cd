"""Building in a process of its own: the same rows, nothing left behind, and nobody depends on how it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import psutil
import pytest

from eventsrc.actor import Watermark
from eventsrc.errors import ReadModelBroken, RebuildStopped
from eventsrc.plugin import Projection
from eventsrc.projector import actor as actor_module
from eventsrc.projector import rebuild as rebuild_module
from eventsrc.projector import yard as yard_module
from eventsrc.projector.actor import Projector
from eventsrc.projector.elsewhere import Elsewhere
from eventsrc.projector.generations import Generations, current
from eventsrc.projector.rebuild import Construction, rebuild
from eventsrc.projector.site import Site, Standing
from eventsrc.projector.together import Together
from eventsrc.projector.yard import Order, Yard
from tests.conformance.projections import ListLog, rows, site
from tests.conformance.prompts import Notes, Prompts, Second, join, notes
from tests.unit.test_projector_yard import Unsound

COUNT = 500
KNOWN: dict[str, type[Projection]] = {one.name: one for one in (Prompts, Second, Unsound)}


def stage_of(read_dir: Path, count: int = COUNT) -> Site:
    return site(read_dir, ListLog(notes(count)), Notes(), join)


def construction(read_dir: Path, names: Sequence[str]) -> Construction:
    return Construction([KNOWN[name] for name in names], stage_of(read_dir))


def dying(names: Sequence[str]) -> Construction:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives this")


def endless(read_dir: Path, names: Sequence[str]) -> Construction:
    """Tells of its first portion, and never of a second one."""
    made = construction(read_dir, names)
    step = made.step
    told: list[int] = []

    def once() -> bool:
        if told:
            signal.pause()
        told.append(1)
        return step()

    made.step = once  # type: ignore[method-assign]
    return made


def worked(elsewhere: Elsewhere) -> list[tuple[int, int]]:
    """Steps to the end; what it told on the way."""
    told = []
    while elsewhere.step():
        told.append((elsewhere.position, elsewhere.until))
    elsewhere.finish()
    return told


def test_the_rows_are_those_of_a_rebuild_and_progress_is_told(tmp_path: Path) -> None:
    here = stage_of(tmp_path / "read")
    elsewhere = Elsewhere(partial(construction, here.read_dir), [Prompts, Second], here)
    try:
        told = worked(elsewhere)
        assert {place for place in told if place[0]} == {(position, COUNT) for position in range(100, 501, 100)}
        builds = {name: elsewhere.builds.pop(name) for name in ("prompts", "second")}
    finally:
        elsewhere.abandon()
    for build in builds.values():
        build.open_live()
        build.switch()
    fresh = stage_of(tmp_path / "fresh")
    rebuild([Prompts], fresh)
    assert rows(here.read_dir / "prompts" / "prompts-1.db") == rows(fresh.read_dir / "prompts" / "prompts-1.db")
    for build in builds.values():
        build.model.close()
        build.model.store.close()


def test_one_that_cannot_be_built_fails_alone_and_says_why(tmp_path: Path) -> None:
    here = stage_of(tmp_path / "read")
    elsewhere = Elsewhere(partial(construction, here.read_dir), [Unsound, Prompts], here)
    try:
        worked(elsewhere)
        assert "its schema is wrong" in str(elsewhere.failures["unsound"])
        assert list(elsewhere.builds) == ["prompts"]
    finally:
        elsewhere.abandon()
    assert Generations(here.read_dir, "prompts").numbers() == [], "nobody took it"


def test_a_process_that_dies_is_lost_and_leaves_nothing(tmp_path: Path) -> None:
    here = stage_of(tmp_path / "read")
    elsewhere = Elsewhere(dying, [Prompts], here)
    worked(elsewhere)
    assert elsewhere.is_lost
    elsewhere.abandon()
    assert Generations(here.read_dir, "prompts").numbers() == []


def test_who_stops_early_ends_the_process_and_removes_what_it_made(tmp_path: Path) -> None:
    here = stage_of(tmp_path / "read")
    elsewhere = Elsewhere(partial(endless, here.read_dir), [Prompts], here)
    while not elsewhere.position:
        assert elsewhere.step()
    assert Generations(here.read_dir, "prompts").numbers() == [1]
    assert [child.name for child in multiprocessing.active_children()] == ["eventsrc-build"]
    elsewhere.abandon()
    assert Generations(here.read_dir, "prompts").numbers() == []
    assert multiprocessing.active_children() == []


def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
from functools import partial
from pathlib import Path
from eventsrc.projector.elsewhere import Elsewhere
from tests.unit.test_projector_elsewhere import Prompts, endless, stage_of
if __name__ == "__main__":
    here = stage_of(Path({str(tmp_path / "read")!r}))
    elsewhere = Elsewhere(partial(endless, here.read_dir), [Prompts], here)
    while not elsewhere.position:
        elsewhere.step()
    print(elsewhere._process.pid, flush=True)
    elsewhere._process.join()
"""
    path = tmp_path / "parent.py"
    path.write_text(script)
    parent = psutil.Popen(
        [sys.executable, str(path)], stdout=-1, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait(20)
    parent.stdout.close()
    child.wait(20)


class Asked:
    """A yard whose large builds are made elsewhere, and how they were begun."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Construction]) -> None:
        monkeypatch.setattr(yard_module, "FAR_EVENTS", COUNT)
        self.site = stage_of(tmp_path / "read")
        self.yard = Yard(self.site, make)


async def test_the_yard_builds_here_what_was_lost_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Asked(tmp_path, monkeypatch, dying)
    build = await asked.yard.build(Order(Prompts))
    assert "ended before it was done" in caplog.text
    assert build.open_live().position == COUNT
    build.abandon()


async def test_the_yard_drops_elsewhere_what_is_wanted_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, partial(endless, tmp_path / "read"))
    heard: list[int] = []
    order = Order(Prompts, lambda: not any(heard), lambda position, _until: heard.append(position))
    with anyio.fail_after(30), pytest.raises(RebuildStopped):
        await asked.yard.build(order)
    assert Generations(asked.site.read_dir, "prompts").numbers() == []


async def test_a_failure_elsewhere_is_told_as_one_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, partial(construction, tmp_path / "read"))
    with anyio.fail_after(30), pytest.raises(ReadModelBroken, match="its schema is wrong"):
        await asked.yard.build(Order(Unsound))


async def test_what_the_log_took_back_while_it_was_built_from_is_built_again(tmp_path: Path) -> None:
    log, watermark = ListLog(notes(200)), Watermark(100)
    here = site(tmp_path / "read", log, Notes(), join)
    told: list[Standing] = []
    built = anyio.Event()

    def hear(standing: Standing) -> None:
        told.append(standing)
        if "200 of 200" in standing.reason:
            built.set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Projector(Prompts, here, watermark, hear).run)
            await built.wait()
            await anyio.wait_all_tasks_blocked()
            assert not any(standing.position > 100 for standing in told), "beyond what is durable nothing is shown"
            log.events[100:] = notes(200, seed=8)[100:]  # a full disk: what was written was cut off, and others came
            watermark.advance(200)
            watermark.close()
    fresh = site(tmp_path / "fresh", ListLog(log.events), Notes(), join)
    rebuild([Prompts], fresh)
    assert rows(current(here.read_dir, "prompts")) == rows(current(fresh.read_dir, "prompts"))


async def test_one_that_is_far_behind_is_built_anew_and_then_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor_module, "FAR_EVENTS", 1_000)
    log, watermark = ListLog(notes(100)), Watermark(100)
    here = site(tmp_path / "read", log, Notes(), join)
    told: list[Standing] = []
    reached = {100: anyio.Event(), 1_300: anyio.Event(), 1_400: anyio.Event()}

    def hear(standing: Standing) -> None:
        told.append(standing)
        if standing.state == "live" and standing.position in reached:
            reached[standing.position].set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Projector(Prompts, here, watermark, hear, Together.on(here)).run)
            await reached[100].wait()
            for head in (1_300, 1_400):
                log.events = notes(head)
                watermark.advance(head)
                await reached[head].wait()
            watermark.close()
    assert any("1200 events behind" in standing.reason for standing in told)
    assert [standing.generation for standing in told if standing.state == "live"][-1] == 2


def test_a_build_goes_on_with_what_the_log_got_meanwhile_when_that_is_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "FAR_EVENTS", 300)
    log = ListLog(notes(200))
    made = Construction([Prompts], site(tmp_path / "read", log, Notes(), join))
    try:
        made.step()
        log.events = notes(600)
        while made.step():
            pass
        assert made.until == 600
        log.events = notes(700)
        assert not made.step(), "the rest is little enough to be caught up with"
    finally:
        made.abandon()
