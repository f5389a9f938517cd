"""One appended line costs the same after ten lines of its session and after a hundred thousand: work, counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest

import eventsrc
from eventsrc.cli.attach_session import session_events
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockStarted,
    Fact,
    MessageStarted,
    Projection,
    PromptSubmitted,
    RoundEnded,
    ToolResultReceived,
)
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.deltas import Deltas

T = 1_768_039_200.0


def history(lines: int) -> Iterator[Fact]:
    """A session of so many lines: rounds of ten, each with a message, a streamed call and its result."""
    for number in range(lines // 10):
        at, flow = T + 10 * number, f"req_{number}"
        yield PromptSubmitted(sid="s", prompt=f"prompt {number}", prompt_id=f"p{number}", time=at)
        yield MessageStarted(sid="s", request_id=flow, message_id=f"msg_{number}", time=at + 1)
        call = {"tool_use_id": f"toolu_{number}", "tool_name": "Bash"}
        yield msgspec.structs.replace(BlockStarted(sid="s", request_id=flow, index=0, block_type="tool_use"), **call)
        for piece in range(4):
            yield BlockDelta(sid="s", request_id=flow, index=0, kind="json", text="{}", time=at + 2 + piece)
        yield BlockCompleted(sid="s", request_id=flow, index=0, time=at + 7)
        yield ToolResultReceived(sid="s", tool_use_id=f"toolu_{number}", content="done", time=at + 8)
        yield RoundEnded(sid="s", outcome="complete", time=at + 9)


NEXT: list[Fact] = [
    PromptSubmitted(sid="s", prompt="and now", prompt_id="next", time=T + 10**7),
    BlockDelta(sid="s", request_id="req_next", index=0, kind="text", text="Hel", time=T + 10**7 + 1),
    BlockDelta(sid="s", request_id="req_next", index=0, kind="text", text="lo", time=T + 10**7 + 2),
    ToolResultReceived(sid="s", tool_use_id="toolu_0", content="again", result_id="r", time=T + 10**7 + 3),
    RoundEnded(sid="s", outcome="complete", time=T + 10**7 + 4),
]


def costs(projection: type[Projection], lines: int, folder: Path) -> list[tuple[int, int]]:
    """(rows changed, hundreds of steps of SQLite's machine) of each line that is appended after so many."""
    with Given(projection, folder) as given:
        given.readings([given.reading(fact) for fact in history(lines)])
        connection = given.projection.connection
        given.forget()  # nothing in memory: what is needed is looked up
        found = []
        for fact in NEXT:
            steps = 0

            def step() -> int:
                nonlocal steps
                steps += 1
                return 0

            before = connection.total_changes
            connection.set_progress_handler(step, 100)
            given.facts(fact)
            connection.set_progress_handler(None, 0)
            found.append((connection.total_changes - before, steps))
        return found


@pytest.mark.parametrize("projection", [Agents, Deltas], ids=lambda one: one.name)
@pytest.mark.parametrize("lines", [3_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_rows_and_steps_of_a_line_do_not_grow_with_the_session(
    projection: type[Projection], lines: int, tmp_path: Path
) -> None:
    few = costs(projection, 10, tmp_path / "few")
    many = costs(projection, lines, tmp_path / "many")
    assert all(now <= then for (now, _), (then, _) in zip(many, few, strict=True)), (few, many)
    assert all(now <= then + 5 for (_, now), (_, then) in zip(many, few, strict=True)), (few, many)


@contextmanager
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many bytes each read of a file gave."""
    found: list[int] = []
    pread = os.pread

    def counted(fd: int, size: int, at: int) -> bytes:
        data = pread(fd, size, at)
        found.append(len(data))
        return data

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", counted)
        yield found


def test_what_is_read_for_who_is_attached_does_not_grow_with_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = []
    for lines in (10, 15_000):
        data = tmp_path / str(lines)
        with eventsrc.open(data) as store:
            store.append([{"n": number} for number in range(lines)], subject="session/s", type="test.line")
            following = session_events(data, "session/s")
            assert sum(map(len, takewhile(bool, following))) == lines
            for number in (1, 2):  # the first one is looked for, every other one stands where the last read ended
                store.append([{"n": lines}], subject="session/s", type="test.line")
                with reads(monkeypatch) as found:
                    (new,) = next(events for events in following if events)
                assert new.position == lines + number
            work.append((len(found), sum(found)))
    (few_reads, few_bytes), (many_reads, many_bytes) = work
    assert many_reads <= few_reads + 2
    assert many_bytes <= few_bytes + 64 * 1024, "no more than the block before the end of the file"
