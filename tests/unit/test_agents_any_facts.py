"""Facts that nobody would send, in any order, under ids that meet by chance: the rows still do not depend on how the
log was cut into batches, on what was forgotten between them, or on how little is kept in memory (law L5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import given as tried_with
from hypothesis import strategies as st

from eventsrc.plugin import (
    Activity,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ErrorReported,
    Fact,
    MachineWoke,
    MessageEnded,
    MessageStarted,
    ProcessGone,
    ProcessSeen,
    PromptSubmitted,
    Reading,
    RoundEnded,
    RoundStarted,
    SessionEnded,
    SessionObserved,
    SessionStarted,
    ToolCallEnded,
    ToolCallStarted,
    ToolResultReceived,
    UsageReported,
    Waiting,
)
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.table import Table

BEGAN = 0x019AA957F176 / 1000  # what the first of the two UUIDv7 below holds
ROUNDS = ("", "R", "019aa957-f176-7a3f-819c-0d4e71b28560", "019aa957-f1f6-7a3f-819c-0d4e71b28560")
TOOLS = st.sampled_from([None, "t1", "t2"])
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "sid": st.sampled_from(["s1", "s2"]),
    "pid": st.sampled_from([None, 1, 2]),
    "round": st.sampled_from(ROUNDS),
    "time": st.sampled_from([None, 5.0, BEGAN, BEGAN + 0.004, BEGAN + 0.130]),
    "local": st.sampled_from([None, BEGAN + 7200]),
    "zone_hint": st.sampled_from([None, BEGAN, BEGAN - 900]),
    "agent": st.just("claude_code"),
}
IDS = {"message_id": st.sampled_from(["", "m1", "m2", "m3"]), "request_id": st.sampled_from(["", "r1", "r2"])}
PLACE = IDS | {"index": st.integers(0, 2)}


def of(fact: Callable[..., Fact], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(fact, **(COMMON | fields))


def counted(*, sid: str, total: int, own: int | None, rule: str, **common: Any) -> UsageReported:
    counter = (total, 0, 0, 0, 0)
    usage_id = f"{sid}/tokens/{total}"
    return UsageReported(sid=sid, usage_id=usage_id, rule=rule, input_tokens=own, counter=counter, **common)


FACTS: st.SearchStrategy[Fact] = st.one_of(
    of(
        SessionObserved,
        title=st.sampled_from([None, "a", "b"]),
        title_rank=st.integers(0, 3),
        copy_of=st.sampled_from([None, "s1", "s2"]),
    ),
    st.builds(
        SessionObserved,
        title=st.sampled_from(["x", "y"]),
        title_rank=st.just(1),
        title_of=st.sampled_from(["p1", "k1", "k2"]),
    ),
    st.builds(MachineWoke, time=st.sampled_from([None, 7.0]), seconds=st.just(5.0)),
    of(SessionStarted),
    of(SessionEnded),
    of(
        PromptSubmitted,
        prompt=st.sampled_from(["p", "q"]),
        prompt_id=st.sampled_from(["", "p1", "p2"]),
        kind=st.sampled_from(["prompt", "command", "queued"]),
        voice=st.sampled_from(["", "item", "event"]),
    ),
    of(RoundStarted),
    of(RoundEnded, outcome=st.sampled_from(["complete", "aborted"]), explicit=st.booleans()),
    of(MessageStarted, **IDS, is_sidechain=st.booleans(), stream=st.sampled_from(["", "m3"])),
    of(MessageEnded, **IDS, stop_reason=st.sampled_from([None, "end_turn"]), stopped=st.booleans()),
    of(BlockStarted, **PLACE, block_type=st.sampled_from(["text", "tool_use"]), tool_use_id=TOOLS),
    of(BlockDelta, **PLACE, kind=st.sampled_from(["text", "signature"]), text=st.sampled_from(["ab", "é", ""])),
    of(BlockCompleted, **PLACE),
    of(
        BlockReceived,
        **IDS,
        key=st.sampled_from(["k1#0", "k2#0", "k3#0"]),
        block_type=st.sampled_from(["text", "tool_use"]),
        content=st.sampled_from(["abc", "z"]),
        tool_use_id=TOOLS,
    ),
    of(
        ToolResultReceived,
        tool_use_id=st.sampled_from(["t1", "t2"]),
        content=st.sampled_from(["ok", "large" * 3_000]),
        result_id=st.sampled_from(["", "x1", "x2"]),
    ),
    of(
        UsageReported,
        **IDS,
        usage_id=st.sampled_from(["m1", "m2", "r1", "u"]),
        origin=st.sampled_from(["message", "progress"]),
        rule=st.sampled_from(["largest", "replace", "add"]),
        input_tokens=st.sampled_from([None, 1, 5]),
        is_sidechain=st.booleans(),
    ),
    of(counted, total=st.integers(1, 4), own=st.sampled_from([None, 1, 2]), rule=st.sampled_from(["count", "replace"])),
    of(ErrorReported, message=st.just("m"), error_id=st.sampled_from(["", "e1", "e2"])),
    of(Waiting, waiting=st.booleans(), tool_use_id=TOOLS, tool_name=st.sampled_from(["", "Bash"])),
    of(ToolCallStarted, tool_use_id=st.sampled_from(["t1", "t2"]), tool_name=st.sampled_from(["", "Bash"])),
    of(ToolCallEnded, tool_use_id=st.sampled_from(["t1", "t2"]), outcome=st.sampled_from(["success", "denied"])),
    of(ProcessSeen, process_started=st.just(1.0)),
    of(ProcessGone),
)
NUMBERED = (ErrorReported, MachineWoke)
"""Facts whose rows name their place in the record."""
LOGS = st.lists(st.lists(FACTS, min_size=1, max_size=3), min_size=2, max_size=24)
often = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def tables_of(part: object) -> Iterator[Table[Any]]:
    """The tables of a part of the projection, and of its parts."""
    for value in vars(part).values():
        if isinstance(value, Table):
            yield value
        elif type(value).__module__.startswith("projections.agents.") and hasattr(value, "__dict__"):
            yield from tables_of(value)


class Thrifty(Agents):
    """Keeps one row of each table between two batches."""

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        tables = list(tables_of(self))
        assert {"usage", "flows", "counters"} <= {table.name for table in tables}, "it looks where the tables are"
        for table in tables:
            table._keep = 1


def events(log: list[list[Fact]]) -> list[Reading]:
    return [
        Reading(position, f"e{position}", "t", f"urn:{position % 2}", facts, None, "session/s", "2026-01-10T10:00:00Z")
        for position, facts in enumerate(log, 1)
    ]


@often
@tried_with(log=LOGS, sizes=st.lists(st.integers(1, 6), max_size=6))
def test_any_facts_give_the_same_rows_however_the_log_is_cut(
    tmp_path: Path, log: list[list[Fact]], sizes: list[int]
) -> None:
    with Given(Agents, tmp_path) as given:
        whole = given.readings(events(log)).dump()
    for cut in (sizes, [1] * len(log)):
        for forget in (False, True):
            with Given(Agents, tmp_path) as given:
                assert given.readings(events(log), batches=cut, forget=forget).dump() == whole


@often
@tried_with(log=LOGS)
def test_any_facts_give_the_same_rows_however_little_is_kept_in_memory(tmp_path: Path, log: list[list[Fact]]) -> None:
    with Given(Agents, tmp_path) as given:
        whole = given.readings(events(log)).dump()
    with Given(Thrifty, tmp_path) as given:
        assert given.readings(events(log), batches=[1] * len(log)).dump() == whole


@often
@tried_with(log=LOGS)
def test_facts_of_one_record_give_the_rows_that_they_give_one_by_one(tmp_path: Path, log: list[list[Fact]]) -> None:
    together = [reading for reading in events(log) if not any(isinstance(fact, NUMBERED) for fact in reading.facts)]
    alone = [msgspec.structs.replace(reading, facts=[fact]) for reading in together for fact in reading.facts]
    with Given(Agents, tmp_path) as given:
        whole = given.readings(together).dump()
    with Given(Agents, tmp_path) as given:
        assert given.readings(alone, forget=True, batches=[1] * len(alone)).dump() == whole


def test_facts_of_one_record_have_the_run_and_the_time_that_they_name(tmp_path: Path) -> None:
    ended = SessionEnded(sid="a", pid=1, time=5.0)
    facts: list[Fact] = [ended, Activity(sid="a", pid=1, time=5.0), Activity(sid="a", pid=2, time=5.0)]
    later: list[Fact] = [Activity(sid="a", pid=2, time=6.0), Activity(sid="b", pid=2, time=6.0)]
    with Given(Agents, tmp_path) as given:
        given.readings([Reading(1, "e1", "t", "urn:x", [*facts, *later])])
        runs = given.rows("SELECT sid, pid, start_time, last_time FROM runs ORDER BY sid, pid")
        assert runs == [("a", 1, 5.0, 5.0), ("a", 2, 5.0, 6.0), ("b", 2, 6.0, 6.0)]


def test_two_whole_blocks_stay_two_when_their_messages_turn_out_to_be_one(tmp_path: Path) -> None:
    one = BlockReceived(sid="s", message_id="msg", key="a", block_type="text", content="first")
    two = BlockReceived(sid="s", request_id="req", key="b", block_type="tool_use", content="{}", tool_use_id="t")
    with Given(Agents, tmp_path) as given:
        given.facts(one, two, MessageStarted(sid="s", message_id="msg", request_id="req"))
        found = given.rows("SELECT flow_id, content, tool_use_id FROM content_blocks ORDER BY block_index")
        assert found == [("req", "{}", "t"), ("req", "first", None)]
        assert given.rows("SELECT block_count FROM messages") == [(2,)]


def test_a_round_that_only_a_lone_event_shows_is_counted_though_the_object_is_thrown_away(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        for number in range(3):
            given.facts(ErrorReported(sid="s", round=f"R{number}", time=1.0))
            given.forget()
        assert given.rows("SELECT round_number FROM rounds ORDER BY round_id") == [(1,), (2,), (3,)]
        assert given.rows("SELECT round_count FROM sessions") == [(3,)]
