"""The prober, on real processes: what it saw is told once, at once, and never guessed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest

from eventsrc import limits
from eventsrc.actor import Ticket
from eventsrc.errors import DiskFull
from eventsrc.event import Appended, Event, Record
from eventsrc.formats.own import Own
from eventsrc.liveness import Boot, Found, Presence, Prober, Watched, system_processes
from eventsrc.liveness.identity import Processes
from eventsrc.liveness.portable import PortableProcesses
from eventsrc.plugin import Fact, Format, ProcessGone, ProcessSeen, Unknown
from eventsrc.testing.clock import ManualClock

NEVER = 4_194_304


class Log:
    """Takes what is delivered; refuses while it is full; knows an id that it has, as the real one does."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.sent = 0
        self.full = False
        self._grown = anyio.Event()

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        ticket: Ticket[Appended] = Ticket()
        if self.full:
            ticket.fail(DiskFull(path="log", reason="no space"))
            return ticket
        for record in records:
            known = self.records.setdefault(record.id, record)
            assert known.data == record.data, "the same id for other data"
        self.sent += len(records)
        ticket.set(Appended(tuple(range(1, len(records) + 1))))
        self._grown.set()
        return ticket

    async def sights(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Waits for so many different records: their types without prefix, and data."""
        with anyio.fail_after(10):
            while len(self.records) < count:
                self._grown = anyio.Event()
                await self._grown.wait()
        kinds = [
            (record.envelope.type if record.envelope else "").rpartition(".")[2] for record in self.records.values()
        ]
        return list(zip(kinds, [msgspec.json.decode(record.data) for record in self.records.values()], strict=True))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sh", "-c", "read x; exit 3"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(4)]
    yield started
    for process in started:
        process.kill()
        process.communicate()


def started_at(pid: int) -> float | None:
    table = system_processes()
    return table.find(pid, table.boot()).started


def watch(pid: int, sid: str = "s1", later: float = 60, started: float | None = None) -> Watched:
    """The session wrote a record `later` than the process started (or than now)."""
    found = started_at(pid)
    return Watched(sid, pid, (found or system_processes().boot().time) + later, "claude_code", started)


@asynccontextmanager
async def running(prober: Prober) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(prober.run)
        yield
        group.cancel_scope.cancel()


async def test_a_living_process_is_told_once_with_its_identity(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    async with running(Prober(lambda: [watch(child.pid)], log.deliver, sleep=clock.sleep)):
        ((kind, data),) = await log.sights(1)
        for _ in range(3):
            await clock.asleep()
            await clock.advance(limits.PROBE_SECONDS)
    assert log.sent == 1 and kind == "seen"
    assert data == {
        "sid": "s1",
        "pid": child.pid,
        "agent": "claude_code",
        "boot_id": system_processes().boot().id,
        "process_started": started_at(child.pid),
    }
    (record,) = log.records.values()
    assert record.unique and record.source == f"urn:eventsrc:liveness:{data['boot_id']}"
    assert record.envelope is not None and record.envelope.subject == "session/s1"


async def test_the_end_of_a_held_process_is_told_at_once_without_any_time_passing(
    child: subprocess.Popen[bytes],
) -> None:
    clock, log = ManualClock(), Log()  # whose hands nobody turns
    async with running(Prober(lambda: [watch(child.pid)], log.deliver, sleep=clock.sleep)):
        await log.sights(1)
        await clock.asleep()
        assert child.stdin is not None
        child.stdin.close()
        (_, seen), (kind, gone) = await log.sights(2)
    assert (kind, gone["reason"], gone["exit_code"]) == ("gone", "exited", 3)
    assert gone["process_started"] == seen["process_started"]


async def test_a_killed_process_is_told_with_its_signal(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    async with running(Prober(lambda: [watch(child.pid)], log.deliver, sleep=clock.sleep)):
        await log.sights(1)
        child.kill()
        _, (kind, gone) = await log.sights(2)
    assert (kind, gone["reason"], gone["exit_code"]) == ("gone", "exited", -9)


async def test_where_the_kernel_does_not_tell_the_next_look_does(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    prober = Prober(lambda: [watch(child.pid)], log.deliver, processes=PortableProcesses(), sleep=clock.sleep)
    async with running(prober):
        await log.sights(1)
        child.kill()
        child.wait()
        await clock.asleep()
        assert log.sent == 1
        await clock.advance(limits.PROBE_SECONDS)
        _, (kind, gone) = await log.sights(2)
    assert (kind, gone["reason"], gone["exit_code"]) == ("gone", "gone", None)


async def test_one_process_of_two_sessions_is_told_for_each(child: subprocess.Popen[bytes]) -> None:
    log = Log()
    async with running(Prober(lambda: [watch(child.pid, "s1"), watch(child.pid, "s2")], log.deliver)):
        await log.sights(2)
        child.kill()
        sights = await log.sights(4)
    assert sorted((kind, data["sid"]) for kind, data in sights) == [
        ("gone", "s1"),
        ("gone", "s2"),
        ("seen", "s1"),
        ("seen", "s2"),
    ]


async def test_a_process_that_never_was_and_one_with_a_borrowed_number_are_gone(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    watched = [watch(NEVER, "never"), watch(child.pid, "borrowed", later=-60)]
    async with running(Prober(lambda: watched, log.deliver, sleep=clock.sleep)):
        sights = await log.sights(2)
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
    assert {data["sid"]: (kind, data["reason"], data["process_started"]) for kind, data in sights} == {
        "never": ("gone", "gone", None),
        "borrowed": ("gone", "reused", None),  # and nothing is said about the one that has the number now
    }
    assert log.sent == 2


async def test_a_restart_tells_the_same_sight_under_the_same_id(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    watched = [watch(child.pid), watch(NEVER, "never"), watch(child.pid, "borrowed", later=-60)]
    for _ in range(3):
        async with running(Prober(lambda: watched, log.deliver, sleep=clock.sleep)):
            await log.sights(3)
            await clock.asleep()
    assert log.sent == 9 and len(log.records) == 3


async def test_what_the_log_refused_is_told_later(child: subprocess.Popen[bytes]) -> None:
    clock, log = ManualClock(), Log()
    log.full = True
    async with running(Prober(lambda: [watch(child.pid)], log.deliver, sleep=clock.sleep)):
        await clock.asleep()
        log.full = False
        await clock.advance(limits.PROBE_SECONDS)
        await log.sights(1)


async def test_a_hidden_process_is_neither_alive_nor_gone() -> None:
    class Hiding:
        def boot(self) -> Boot:
            return Boot("b", 0.0)

        def find(self, pid: int, boot: Boot) -> Found:
            return Found(Presence.HIDDEN)

        def hold(self, pid: int) -> int | None:
            return None

        def exit_code(self, fd: int) -> int | None:
            return None

    clock, log = ManualClock(), Log()
    verdicts: list[str] = []
    hiding: Processes = Hiding()
    prober = Prober(
        lambda: [Watched("s", 7, 100.0)], log.deliver, processes=hiding, sleep=clock.sleep, probed=verdicts.append
    )
    async with running(prober):
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
    assert log.sent == 0 and set(verdicts) == {"invisible"}


async def test_a_new_run_under_the_number_of_an_ended_one_is_told_again() -> None:
    class Table:
        started = 1000.0

        def boot(self) -> Boot:
            return Boot("b", 0.0)

        def find(self, pid: int, boot: Boot) -> Found:
            return Found(Presence.RUNNING, self.started)

        def hold(self, pid: int) -> int | None:
            return None

        def exit_code(self, fd: int) -> int | None:
            return None

    clock, log, table = ManualClock(), Log(), Table()
    watched = Watched("s", 7, 1001.0)
    async with running(Prober(lambda: [watched], log.deliver, processes=table, sleep=clock.sleep)):
        await log.sights(1)
        table.started = 5000.0
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
        await log.sights(2)
        watched = Watched("s", 7, 5001.0)  # the new one wrote a record of the session
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
        sights = await log.sights(3)
    assert [(kind, data.get("reason"), data["process_started"]) for kind, data in sights] == [
        ("seen", None, 1000.0),
        ("gone", "reused", 1000.0),
        ("seen", None, 5000.0),
    ]


async def test_descriptors_are_closed_when_nobody_watches_and_at_the_end(child: subprocess.Popen[bytes]) -> None:
    def pidfds() -> int:
        links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit() and _is(fd)]
        return sum("pidfd" in link for link in links)

    def _is(fd: str) -> bool:
        return os.path.lexists(f"/proc/self/fd/{fd}")

    before = pidfds()
    clock, log = ManualClock(), Log()
    watched = [watch(child.pid), watch(os.getpid(), "self")]
    async with running(Prober(lambda: watched, log.deliver, sleep=clock.sleep)):
        await log.sights(2)
        assert pidfds() == before + 2
        watched.pop()
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
        await clock.asleep()
        assert pidfds() == before + 1
    assert pidfds() == before


async def test_no_more_processes_are_held_and_watched_than_the_limits_say(
    children: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("eventsrc.liveness.survey.WATCHED_PROCESSES", 3)
    monkeypatch.setattr("eventsrc.liveness.prober.HELD_PROCESSES", 1)
    watched = [watch(each.pid, f"s{number}", later=100 + number) for number, each in enumerate(children)]
    clock, log = ManualClock(), Log()
    prober = Prober(lambda: watched, log.deliver, sleep=clock.sleep)
    async with running(prober):
        sights = await log.sights(3)
        for each in children:
            each.kill()
        await clock.asleep()
        await clock.advance(limits.PROBE_SECONDS)
        ends = await log.sights(6)  # those that are not held are found by looking
    assert sorted(data["sid"] for _, data in sights) == ["s1", "s2", "s3"]  # the latest
    assert [kind for kind, _ in ends].count("gone") == 3
    assert "1 processes are not watched" in caplog.text


# --- and back from the log -------------------------------------------------------------------------------------------


def read(kind: str, data: bytes) -> Sequence[Fact]:
    event = Event(
        sequence="1",
        id="i",
        source="urn:eventsrc:liveness:b",
        type=kind,
        subject="session/s",
        revision=1,
        recordedtime="2026-01-10T10:00:02.000000Z",
        data=msgspec.Raw(data),
    )
    return Own().read(event)


def test_what_was_seen_is_read_back_as_facts() -> None:
    assert isinstance(Own(), Format)
    (seen,) = read("eventsrc.process.seen", b'{"sid":"s","pid":7,"agent":"codex","boot_id":"b","process_started":12.5}')
    assert seen == ProcessSeen(sid="s", pid=7, agent="codex", boot_id="b", process_started=12.5, time=1768039202.0)
    (gone,) = read(
        "eventsrc.process.gone",
        b'{"sid":"s","pid":7,"agent":"","boot_id":"b","process_started":null,"reason":"reused","exit_code":null}',
    )
    assert gone == ProcessGone(sid="s", pid=7, reason="reused", time=1768039202.0)


def test_other_events_of_the_service_mean_nothing_and_unknown_records_stay_visible() -> None:
    assert read("eventsrc.file.rewritten", b"{}") == []
    assert read("eventsrc.record", b"{}") == [Unknown(what="eventsrc.record")]
    assert Own().recognise(Record(source="file:///x", data=b'{"sid":"s","pid":7}', id="1")) is None


def test_a_sight_that_contradicts_its_type_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        read("eventsrc.process.seen", b'{"sid":"s"}')
