"""The supervisor: what a failure means, and in which order a service ends. No test here waits for real time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from eventsrc.actor import Actor, Charge, DrainReport, Intensity, Mailbox, Policy, Stage, Supervisor
from eventsrc.actor.policy import Again, GiveUp, Skip, decide
from eventsrc.errors import ActorFailed, LogFailed
from eventsrc.testing.clock import ManualClock


class Worker:
    """Does to each item what the test says, until its senders have closed."""

    def __init__(self, name: str, box: Mailbox[str], work: Callable[[str], Awaitable[None]]) -> None:
        self.name = name
        self._box = box
        self._work = work

    async def run(self) -> None:
        while True:
            try:
                item = await self._box.receive()
            except anyio.EndOfStream:
                return
            await self._work(item)


class Looper:
    """Runs a function as an actor."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self.run = run  # type: ignore[method-assign, assignment]

    async def run(self) -> None:
        raise AssertionError("replaced")


def charge_of(actor: Actor, policy: Policy = Policy.RESTART, stage: Stage = Stage.INGEST) -> Charge:
    return Charge(name=actor.name, make=lambda: actor, policy=policy, stage=stage)


def worker_charge(
    name: str, box: Mailbox[str], work: Callable[[str], Awaitable[None]], policy: Policy, stage: Stage = Stage.INGEST
) -> Charge:
    return Charge(
        name=name, make=lambda: Worker(name, box, work), policy=policy, stage=stage, close=box.close, mailbox=box
    )


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.run)
        await wait_all_tasks_blocked()
        yield


async def test_a_supervisor_ends_when_every_actor_is_done() -> None:
    box: Mailbox[str] = Mailbox("box")
    seen: list[str] = []

    async def work(item: str) -> None:
        seen.append(item)

    supervisor = Supervisor()
    supervisor.add(worker_charge("ingest", box, work, Policy.RESTART))
    box.send_nowait("a")
    box.close()
    await supervisor.run()
    assert seen == ["a"] and supervisor.running == ()


async def test_a_failed_actor_starts_anew_on_the_same_mailbox_after_a_pause_that_doubles() -> None:
    clock = ManualClock()
    box: Mailbox[str] = Mailbox("box")
    seen: list[tuple[str, float]] = []
    told: list[str] = []

    async def work(item: str) -> None:
        seen.append((item, clock.monotonic()))
        if item != "good":
            raise ValueError(item)

    supervisor = Supervisor(clock=clock, sleep=clock.sleep, restarted=told.append)
    supervisor.add(worker_charge("ingest", box, work, Policy.RESTART))
    for item in ("bad", "bad", "bad", "good"):
        box.send_nowait(item)
    async with running(supervisor):
        await clock.advance(0.1)
        await clock.advance(0.2)
        await clock.advance(0.4)
        box.close()
    assert [(item, round(at, 3)) for item, at in seen] == [("bad", 0), ("bad", 0.1), ("bad", 0.3), ("good", 0.7)]
    assert told == ["ingest"] * 3


async def test_too_many_restarts_in_the_window_end_the_service_with_the_reason() -> None:
    clock = ManualClock()
    starts = 0
    other_ended = False

    async def fail() -> None:
        nonlocal starts
        starts += 1
        raise ValueError("the disk is on fire")

    async def forever() -> None:
        nonlocal other_ended
        try:
            await anyio.sleep_forever()
        finally:
            other_ended = True

    supervisor = Supervisor(intensity=Intensity(restarts=2, seconds=60), clock=clock, sleep=clock.sleep)
    supervisor.add(charge_of(Looper("bad", fail)))
    supervisor.add(charge_of(Looper("good", forever)))
    async with anyio.create_task_group() as group:
        group.start_soon(clock.advance, 10)
        with pytest.raises(ActorFailed, match=r"actor bad failed 3 times within 60 seconds.*on fire") as caught:
            await supervisor.run()
    assert starts == 3 and other_ended
    assert isinstance(caught.value.__cause__, ValueError)


async def test_failures_that_lie_far_apart_never_end_the_service() -> None:
    clock = ManualClock()
    starts = 0

    async def fail_later() -> None:
        nonlocal starts
        starts += 1
        await clock.sleep(40)
        raise ValueError

    supervisor = Supervisor(intensity=Intensity(restarts=2, seconds=60), clock=clock, sleep=clock.sleep)
    supervisor.add(charge_of(Looper("bad", fail_later)))
    async with running(supervisor):
        await clock.advance(1000)
        assert starts > 20
        await supervisor.stop()


async def test_a_stop_actor_that_fails_ends_the_service_at_once() -> None:
    async def fail() -> None:
        raise LogFailed(operation="sync", path="log", reason="EIO")

    supervisor = Supervisor()
    supervisor.add(charge_of(Looper("log", fail), Policy.STOP))
    supervisor.add(charge_of(Looper("good", anyio.sleep_forever)))
    with pytest.raises(ActorFailed, match="sync on log: EIO") as caught:
        await supervisor.run()
    assert isinstance(caught.value.__cause__, LogFailed)


async def test_a_skipped_item_leaves_a_dead_letter_and_the_next_one_is_done_at_once() -> None:
    box: Mailbox[str] = Mailbox("box")
    seen: list[str] = []
    dead: list[tuple[str, str]] = []

    async def work(item: str) -> None:
        if item.startswith("poison"):
            raise ValueError(item)
        seen.append(item)

    supervisor = Supervisor(skipped=lambda name, error: dead.append((name, str(error))))
    supervisor.add(worker_charge("projector", box, work, Policy.SKIP))
    items = ["a", *(f"poison {number}" for number in range(20)), "b"]  # far more than restarts are allowed
    for item in items:
        box.send_nowait(item)
    box.close()
    await supervisor.run()
    assert seen == ["a", "b"]
    assert dead == [("projector", f"poison {number}") for number in range(20)]


def test_an_actor_that_fails_before_it_takes_anything_is_not_skipped_for_ever() -> None:
    intensity = Intensity(restarts=1, backoff=0.5, backoff_most=3)
    assert decide(Policy.SKIP, intensity, 0, took_something=True) == Skip()
    assert decide(Policy.SKIP, intensity, 0, took_something=False) == Again(0.5)
    assert decide(Policy.SKIP, intensity, 1, took_something=False) == GiveUp()
    assert decide(Policy.STOP, intensity, 0, took_something=True) == GiveUp()


def test_the_pause_before_a_restart_doubles_up_to_its_limit() -> None:
    intensity = Intensity(backoff=0.5, backoff_most=3)
    assert [intensity.pause(n) for n in (1, 2, 3, 4, 5, 100_000)] == [0.5, 1, 2, 3, 3, 3]


async def test_the_drain_goes_from_the_sources_to_the_projectors_and_loses_nothing() -> None:
    first: Mailbox[str] = Mailbox("first", 100)
    second: Mailbox[str] = Mailbox("second", 100)
    written: list[str] = []

    async def source() -> None:
        await anyio.sleep_forever()

    async def ingest(item: str) -> None:
        await second.send(item.upper())

    async def write(item: str) -> None:
        written.append(item)

    def ingest_actor() -> Worker:
        return Worker("ingest", first, ingest)

    supervisor = Supervisor()
    supervisor.add(worker_charge("log", second, write, Policy.STOP, Stage.LOG))
    supervisor.add(
        Charge(
            name="ingest",
            make=ingest_actor,
            policy=Policy.RESTART,
            stage=Stage.INGEST,
            close=first.close,
            mailbox=first,
        )
    )
    supervisor.add(charge_of(Looper("source", source), stage=Stage.SOURCE))
    async with running(supervisor):
        for number in range(50):
            first.send_nowait(f"item {number}")
        report = await supervisor.stop()
    assert written == [f"ITEM {number}" for number in range(50)]
    assert report.complete and report.drained == ("source", "ingest", "log")


async def test_what_is_not_drained_in_time_is_cancelled_and_reported() -> None:
    clock = ManualClock()
    box: Mailbox[str] = Mailbox("box", 100, len)
    reports: list[DrainReport] = []

    async def hang(item: str) -> None:
        await anyio.sleep_forever()

    supervisor = Supervisor(clock=clock, sleep=clock.sleep)
    supervisor.add(worker_charge("stuck", box, hang, Policy.RESTART, Stage.LOG))
    supervisor.add(charge_of(Looper("source", anyio.sleep_forever), stage=Stage.SOURCE))

    async def stop() -> None:
        reports.append(await supervisor.stop(seconds=20))

    async with running(supervisor):
        for item in ("a", "bb", "ccc"):
            box.send_nowait(item)
        async with anyio.create_task_group() as group:
            group.start_soon(stop)
            await clock.advance(19)
            assert reports == []
            await clock.advance(1)
    (report,) = reports
    (left,) = report.leftovers
    assert (left.actor, left.stage, left.waiting, left.weight) == ("stuck", Stage.LOG, 3, 5)  # one of them in hand
    assert report.drained == ("source",) and report.seconds == 20
    assert str(report) == "not drained after 20.00 s: stuck (3 waiting)"


async def test_an_actor_that_fails_while_it_drains_still_finishes_its_work() -> None:
    clock = ManualClock()
    box: Mailbox[str] = Mailbox("box")
    seen: list[str] = []

    async def work(item: str) -> None:
        if item == "bad":
            raise ValueError
        seen.append(item)

    supervisor = Supervisor(clock=clock, sleep=clock.sleep)
    supervisor.add(worker_charge("ingest", box, work, Policy.RESTART))
    async with running(supervisor):
        for item in ("a", "bad", "b"):
            box.send_nowait(item)
        async with anyio.create_task_group() as group:
            group.start_soon(supervisor.stop)
            await clock.advance(1)
    assert seen == ["a", "b"]


async def test_an_actor_can_join_while_the_others_run() -> None:
    joined = anyio.Event()

    async def join() -> None:
        joined.set()

    supervisor = Supervisor()
    supervisor.add(charge_of(Looper("first", anyio.sleep_forever)))
    async with running(supervisor):
        supervisor.add(charge_of(Looper("late", join)))
        await joined.wait()
        await wait_all_tasks_blocked()
        assert supervisor.running == ("first",)
        with pytest.raises(AssertionError, match="two actors named first"):
            supervisor.add(charge_of(Looper("first", join)))
        await supervisor.stop()


async def test_every_failure_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("seen in the log")

    supervisor = Supervisor()
    supervisor.add(charge_of(Looper("bad", fail), Policy.STOP))
    with caplog.at_level(logging.ERROR), pytest.raises(ActorFailed):
        await supervisor.run()
    assert "bad is given up: seen in the log" in caplog.text and "Traceback" in caplog.text
