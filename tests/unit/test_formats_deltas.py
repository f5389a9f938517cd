"""Joined deltas: no fold can tell the difference, however blocks, sessions and clocks are mixed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventsrc.formats.catalogue import Formats, join
from eventsrc.formats.sse_lines import SseLines
from eventsrc.plugin import (
    Activity,
    AgentFact,
    AgentFactBase,
    BlockCompleted,
    BlockDelta,
    Fact,
    Piece,
    PromptSubmitted,
    Reading,
    Shaped,
    UsageReported,
)
from eventsrc.testing.generate import generate_sse_lines
from tests.conformance.formats import event_of, record_of

Object = dict[str, Any]


class Memory:
    """A fold that remembers all that a real one could: first, last, smallest and largest, sums, order of creation,
    and what each other fact found when it arrived."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[Any, ...], Object] = {}
        self.owners: dict[tuple[Any, ...], Object] = {}
        self.found: list[Any] = []
        self.offset = 0.0

    def fold(self, readings: Iterable[Reading]) -> Memory:
        for reading in readings:
            for fact in reading.facts:
                if isinstance(fact, BlockDelta):
                    self._delta(reading, fact)
                elif isinstance(fact, AgentFactBase):
                    self._other(reading, fact)
        return self

    def _delta(self, reading: Reading, fact: BlockDelta) -> None:
        first = self._time(reading, fact.time, fact.local)
        last = first
        if fact.count > 1:
            last = self._time(reading, fact.last_time, fact.last_local)
        key = (fact.sid, fact.request_id, fact.message_id, fact.index)
        block = self.blocks.setdefault(key, {"text": {}, "count": 0, "round": fact.round, "first": first, "low": first})
        block["text"][fact.kind] = block["text"].get(fact.kind, "") + fact.text
        block["count"] += fact.count
        block["last"] = last
        block["low"], block["high"] = min(block["low"], first), max(block.get("high", last), last)
        for owner in ((fact.sid,), (fact.sid, fact.round), (fact.sid, fact.pid)):
            self._seen(owner, first)
            self._seen(owner, last)

    def _other(self, reading: Reading, fact: AgentFact) -> None:
        if fact.zone_hint is not None and fact.local is not None:
            self.offset = fact.local - fact.zone_hint
        time = self._time(reading, fact.time, fact.local)
        mine = {key: self._copy(block) for key, block in self.blocks.items() if self._concerns(fact, key)}
        self.found.append((reading.position, type(fact).__name__, mine, dict(self.owners.get((fact.sid,), {}))))
        self._seen((fact.sid,), time)

    def _concerns(self, fact: AgentFact, key: tuple[Any, ...]) -> bool:
        flows = {getattr(fact, "request_id", ""), getattr(fact, "message_id", "")} - {""}
        return not fact.sid or key[0] == fact.sid or bool(flows & {key[1], key[2]})

    def _copy(self, block: Object) -> Object:
        return {name: dict(value) if isinstance(value, dict) else value for name, value in block.items()}

    def _time(self, reading: Reading, time: float | None, local: float | None) -> float:
        if time is not None:
            return time
        return local - self.offset if local is not None else float(len(reading.recorded))

    def _seen(self, owner: tuple[Any, ...], time: float) -> None:
        seen = self.owners.setdefault(owner, {"number": len(self.owners), "first": time, "low": time, "high": time})
        seen |= {"last": time, "low": min(seen["low"], time), "high": max(seen["high"], time)}

    def everything(self) -> tuple[Any, ...]:
        return self.blocks, list(self.blocks), self.owners, self.found


def reading_of(position: int, fact: Fact, recorded: str) -> Reading:
    return Reading(position, f"f:{position}", "t", "file:///x", [fact], None, "session/x", recorded, None)


_owners = st.fixed_dictionaries(
    {"sid": st.sampled_from(["s1", "s2"]), "round": st.sampled_from(["r1", "r2"]), "pid": st.sampled_from([1, 2])}
)
_clocks = st.one_of(
    st.builds(lambda time: {"time": time}, st.integers(0, 9).map(float)),
    st.builds(lambda local: {"local": local}, st.integers(0, 9).map(float)),
)
_flows = st.sampled_from([{"request_id": "q1"}, {"request_id": "q2"}, {"message_id": "m1"}])
_deltas = st.builds(
    lambda owner, clock, flow, index, kind, text: BlockDelta(
        **owner, **clock, **flow, index=index, kind=kind, text=text
    ),
    _owners,
    _clocks,
    _flows,
    st.integers(0, 1),
    st.sampled_from(["text", "json"]),
    st.text("ab", max_size=2),
)
_others = st.one_of(
    st.builds(lambda owner, clock, flow: BlockCompleted(**owner, **clock, **flow, index=0), _owners, _clocks, _flows),
    st.builds(lambda owner: UsageReported(**{**owner, "sid": "s3"}, usage_id="m1", request_id="q1"), _owners),
    st.builds(lambda owner: PromptSubmitted(**owner, local=8.0, zone_hint=1.0, prompt="p"), _owners),
    st.just(PromptSubmitted(prompt="of nobody")),
)
_facts = st.lists(st.one_of(_deltas, _deltas, _deltas, _deltas, _others), max_size=40)


@settings(max_examples=400, deadline=None)
@given(_facts, st.integers(1, 9))
def test_no_fold_can_tell_joined_deltas_from_single_ones(facts: list[Fact], group: int) -> None:
    readings = [reading_of(n, fact, "r" * (n // group)) for n, fact in enumerate(facts, 1)]
    joined = join(readings)
    assert Memory().fold(joined).everything() == Memory().fold(readings).everything()
    assert [one.position for one in joined] == sorted(one.position for one in joined)
    assert not readings or joined[-1].position == readings[-1].position


@settings(max_examples=200, deadline=None)
@given(_facts, st.integers(0, 40))
def test_it_does_not_matter_where_batches_are_cut_or_whether_parts_were_joined(facts: list[Fact], cut: int) -> None:
    readings = [reading_of(n, fact, "r") for n, fact in enumerate(facts, 1)]
    parts = join(readings[:cut]) + join(readings[cut:])
    expected = Memory().fold(readings).everything()
    assert Memory().fold(parts).everything() == expected
    assert Memory().fold(join(parts)).everything() == expected


def piece_of(reading: Reading) -> Reading | Piece:
    """A reading of one delta as a format may give it."""
    (fact,) = reading.facts
    if not isinstance(fact, BlockDelta) or fact.zone_hint is not None:
        return reading
    event: Shaped[Any] = Shaped(
        sequence=f"{reading.position:020d}",
        id=reading.id,
        source=reading.source,
        type=reading.type,
        subject=reading.subject,
        revision=1,
        recordedtime=reading.recorded,
        time=reading.time,
    )
    flow = (fact.message_id, fact.request_id)
    block = (fact.sid, fact.round, fact.pid, fact.agent, *flow, fact.index, fact.kind, reading.source)
    return Piece(event, block, fact.time, fact.local, fact.text)


@settings(max_examples=400, deadline=None)
@given(_facts, st.integers(1, 9), st.integers(0, 2**40 - 1))
def test_pieces_are_joined_as_readings_are(facts: list[Fact], group: int, which: int) -> None:
    """All of them pieces, or some."""
    readings = [reading_of(n, fact, "r" * (n // group)) for n, fact in enumerate(facts, 1)]
    wanted = join(readings)
    assert join(map(piece_of, readings)) == wanted
    mixed = [piece_of(one) if which >> n & 1 else one for n, one in enumerate(readings)]
    assert join(mixed) == wanted


def test_a_stream_of_deltas_becomes_a_few() -> None:
    formats = Formats([SseLines()])
    readings = []
    for position, line in enumerate(generate_sse_lines(4_000, seed=5, claude=2, codex=1), 1):
        record = record_of(line)
        readings.append(formats.read(event_of(record, formats.recognise(record), position=position)))
    joined = join(readings)
    deltas = sum(isinstance(reading.facts[0], BlockDelta) for reading in readings)
    left = sum(isinstance(reading.facts[0], BlockDelta) for reading in joined)
    assert deltas > 2_500
    assert left < deltas / 4
    assert Memory().fold(joined).everything() == Memory().fold(readings).everything()


def test_the_reading_of_the_last_piece_stands_for_all() -> None:
    pieces = [BlockDelta(sid="s", time=float(n), request_id="q", index=0, kind="text", text=str(n)) for n in range(3)]
    (one,) = join(reading_of(n, piece, "r") for n, piece in enumerate(pieces, 1))
    assert (one.position, one.id) == (3, "f:3")
    (piece,) = one.facts
    assert isinstance(piece, BlockDelta)
    assert (piece.text, piece.count, piece.time, piece.last_time) == ("012", 3, 0.0, 2.0)


def test_a_clock_that_goes_back_is_not_hidden() -> None:
    pieces = [
        BlockDelta(sid="s", time=time, request_id="q", index=0, kind="text", text="x") for time in (5.0, 9.0, 7.0)
    ]
    assert len(join(reading_of(n, piece, "r") for n, piece in enumerate(pieces, 1))) == 2


def piece_at(time: float | None = 0.0, local: float | None = None, *, zone_hint: float | None = None) -> BlockDelta:
    return BlockDelta(
        sid="s1", time=time, local=local, zone_hint=zone_hint, request_id="q1", index=0, kind="text", text="x"
    )


@pytest.mark.parametrize(
    "between",
    [
        BlockCompleted(sid="s1", request_id="q1", index=0),
        PromptSubmitted(sid="s1", prompt="of the same session"),
        PromptSubmitted(prompt="of nobody, so perhaps of everybody"),
        PromptSubmitted(sid="s2", local=8.0, zone_hint=1.0, prompt="moves the clock of the process"),
        BlockDelta(sid="s2", local=8.0, zone_hint=1.0, request_id="q9", index=0, kind="text", text="moves it, too"),
        UsageReported(sid="s3", usage_id="m1", request_id="q1"),
    ],
    ids=lambda fact: f"{type(fact).__name__} {getattr(fact, 'prompt', '')}",
)
def test_nothing_is_held_back_before_a_fact_that_may_look_at_it(between: Fact) -> None:
    facts: list[Fact] = [piece_at(), Activity(sid="s9"), piece_at(), between, piece_at()]
    joined = join(reading_of(n, fact, "r") for n, fact in enumerate(facts, 1))
    assert [one.position for one in joined] == [1, 2, 3, 4, 5]


def test_what_no_fact_looks_at_is_joined_across_other_sessions() -> None:
    facts: list[Fact] = [piece_at(), Activity(sid="s9"), piece_at(), Activity(sid="s9"), piece_at()]
    joined = join(reading_of(n, fact, "r") for n, fact in enumerate(facts, 1))
    assert [one.position for one in joined] == [1, 2, 4, 5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (reading_of(1, piece_at(None, 5.0), "r1"), reading_of(2, piece_at(None, 5.0), "r2")),
        (reading_of(1, piece_at(None, 5.0), "r"), reading_of(2, piece_at(None, 4.0), "r")),
        (reading_of(1, piece_at(None, 5.0), "r"), reading_of(2, piece_at(None, None), "r")),
        (reading_of(1, piece_at(5.0), "r"), reading_of(2, piece_at(None, 5.0), "r")),
        (reading_of(1, piece_at(5.0), "r"), reading_of(2, piece_at(4.0), "r")),
        (reading_of(1, piece_at(5.0), "r"), replace(reading_of(2, piece_at(5.0), "r"), source="file:///other")),
        (reading_of(1, piece_at(5.0), "r"), reading_of(2, replace(piece_at(5.0), pid=2), "r")),
        (reading_of(1, piece_at(5.0), "r"), reading_of(2, replace(piece_at(5.0), round="r2"), "r")),
        (reading_of(1, piece_at(5.0), "r"), reading_of(2, replace(piece_at(5.0), kind="json"), "r")),
    ],
)
def test_pieces_that_would_hide_a_time_or_an_owner_stay_apart(first: Reading, second: Reading) -> None:
    assert join([first, second]) == [first, second]
