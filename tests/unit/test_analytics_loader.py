"""The actor that has experiments loaded: bounded tries, later each time, and what was loaded is an event."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eventsrc.actor import Ticket
from eventsrc.analytics.loader import Due, Loader, Outcome
from eventsrc.errors import QueueFull
from eventsrc.event import Appended, Record
from eventsrc.limits import LOAD_RETRY_SECONDS, LOAD_TRIES
from eventsrc.testing.clock import ManualClock


class World:
    """Everything that a loader is given."""

    def __init__(self, *due: Due) -> None:
        self.due = list(due)
        self.outcomes: list[Outcome] = []
        self.tried: list[str] = []
        self.told: list[Record] = []
        self.full = False
        self.clock = ManualClock()
        self.loader = Loader(lambda: list(self.due), self.load, self.deliver, lambda: 7, self.clock)

    async def load(self, due: Due) -> Outcome:
        self.tried.append(due.id)
        return self.outcomes.pop(0) if self.outcomes else Outcome(3, 1)

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        if self.full:
            raise QueueFull(name="ingest")
        self.told += records
        ticket: Ticket[Appended] = Ticket()
        ticket.set(Appended((1,)))
        return ticket


async def test_what_was_loaded_is_an_event_of_the_experiment() -> None:
    world = World(Due("experiment_1", 42))
    await world.loader.look()
    (record,) = world.told
    assert record.envelope is not None
    assert (record.envelope.type, record.envelope.subject) == ("eventsrc.experiment.loaded", "experiment/experiment_1")
    assert msgspec.json.decode(record.data) == {
        "experiment_id": "experiment_1",
        "rows": 3,
        "rejected": 1,
        "through": 42,
    }
    await world.loader.look()
    assert world.told[1].id == record.id and record.unique, "told again, it is the same event"


async def test_a_load_that_fails_is_tried_again_later_each_time_and_not_for_ever() -> None:
    world = World(Due("experiment_1", 42))
    world.outcomes = [Outcome(problem="locked")] * 100
    pauses = []
    for _ in range(LOAD_TRIES):
        await world.loader.look()
        tried = len(world.tried)
        await world.loader.look()
        assert len(world.tried) == tried, "not before its time"
        pause = LOAD_RETRY_SECONDS * 2 ** (tried - 1)
        pauses.append(pause)
        await world.clock.advance(pause)
    await world.clock.advance(1e6)
    await world.loader.look()
    assert len(world.tried) == LOAD_TRIES and world.told == []
    world.due = [Due("experiment_1", 50)]  # it goes on: that is another matter
    await world.loader.look()
    assert len(world.tried) == LOAD_TRIES + 1


async def test_one_that_fails_does_not_hold_up_the_others() -> None:
    world = World(Due("bad", 1), Due("good", 2))
    world.outcomes = [Outcome(problem="broken")]
    await world.loader.look()
    assert world.tried == ["bad", "good"]
    assert [msgspec.json.decode(record.data)["experiment_id"] for record in world.told] == ["good"]


async def test_when_the_log_takes_nothing_now_it_is_told_after_the_next_look() -> None:
    world = World(Due("experiment_1", 42))
    world.full = True
    await world.loader.look()
    assert world.told == []
    world.full = False
    await world.loader.look()
    assert len(world.told) == 1
