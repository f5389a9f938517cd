"""Beats, and clocks that part: what the service says when nothing happens, and when the machine slept."""

from __future__ import annotations

import json
from collections.abc import Sequence

import anyio

from eventsrc.actor import Ticket
from eventsrc.errors import DiskFull
from eventsrc.event import Appended, Record
from eventsrc.formats.own import Own
from eventsrc.limits import CLOCK_LOOK_SECONDS
from eventsrc.plugin import MachineWoke
from eventsrc.service.heartbeat import BEAT, WOKE, Idle, Pacemaker
from tests.conformance.formats import event_of

START = 1_768_039_200.0


class Clocks:
    """Two clocks that a test sets apart: `slept` only moves the wall clock."""

    def __init__(self) -> None:
        self.awake = 100.0
        self.slept = 0.0

    def now(self) -> float:
        return START + self.awake + self.slept

    def monotonic(self) -> float:
        return self.awake


class Told(Exception):
    """The script of the test is over."""


async def beats(
    every: float, sleeps: Sequence[float], *, refuse: int = 0, idle: Idle | None = None
) -> tuple[list[Record], list[int]]:
    """Runs through as many looks as there are `sleeps`: how long the machine slept during each. What was recorded, and
    after which look."""
    clocks, records, looks = Clocks(), list[Record](), list[int]()
    script, refused = list(sleeps), refuse

    async def sleep(seconds: float) -> None:
        if not script:
            raise Told
        clocks.awake += seconds
        clocks.slept += script.pop(0)
        await anyio.lowlevel.checkpoint()

    async def deliver(batch: Sequence[Record]) -> Ticket[Appended]:
        nonlocal refused
        ticket: Ticket[Appended] = Ticket()
        if refused:
            refused -= 1
            ticket.fail(DiskFull(path="/x", reason="no space"))
            return ticket
        records.extend(batch)
        looks.append(len(sleeps) - len(script))
        ticket.set(Appended(tuple(range(len(records) - len(batch) + 1, len(records) + 1))))
        return ticket

    try:
        await Pacemaker(deliver, clocks, idle or Idle(), every, "run", sleep).run()
    except Told:
        pass
    return records, looks


def kinds(records: Sequence[Record]) -> list[str]:
    return [record.envelope.type for record in records if record.envelope is not None]


async def test_a_beat_comes_every_so_many_seconds_and_not_at_once() -> None:
    records, looks = await beats(4 * CLOCK_LOOK_SECONDS, [0] * 9)
    assert (kinds(records), looks) == ([BEAT, BEAT], [4, 8])
    assert len({record.id for record in records}) == 2


async def test_beats_can_be_switched_off_and_sleeps_are_told_all_the_same() -> None:
    records, looks = await beats(0, [0, 0, 8 * 3600, 0])
    assert (kinds(records), looks) == ([WOKE], [3])
    assert json.loads(records[0].data) == {"seconds": 28800.0}
    assert records[0].envelope is not None
    (fact,) = Own().read(event_of(records[0], records[0].envelope))
    assert fact == MachineWoke(time=START + 100 + 15 + 28800, seconds=28800.0)


async def test_a_clock_that_is_being_adjusted_is_no_sleep_and_one_set_back_is_told() -> None:
    assert (await beats(0, [1, 1, 1]))[0] == []
    records, _ = await beats(0, [0, -3600])
    assert json.loads(records[0].data) == {"seconds": -3600.0}


async def test_what_could_not_be_recorded_is_told_when_there_is_room() -> None:
    records, looks = await beats(0, [60, 0, 0, 0], refuse=2)
    assert (kinds(records), looks) == ([WOKE], [3])


def test_beats_are_no_activity_and_everything_else_is() -> None:
    idle = Idle()
    assert idle.activity(7) == 7
    for position in (8, 9):
        idle.beat(position)
        assert idle.activity(position) == 7
    assert idle.activity(10) == 10
    idle.beat(11)
    assert idle.activity(11) == 10
