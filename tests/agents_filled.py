"""An `agents` read model of any size, written with SQL through its own schema: for questions' plans and their speed.

Sizes keep the proportions of real transcripts: 2.5 blocks to a message, one block in three a tool call, one call in a
hundred never answered, one session in twenty long, one in a hundred still active. Times end now.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from projections.agents import Agents
from projections.agents.rows import Block, Message, Result, Round, Run, Session, Usage
from tests.agents_sums import SUMS

TOOLS = ("Bash", "Read", "Edit", "Grep", "Write", "Glob", "Task", "WebFetch", "mcp__db__query", "TodoWrite")
MODELS = ("opus-1", "sonnet-1", "haiku-1")
TEXT = "The file was read and changed; what follows says how, and which tests were run after it. "
PER_ROUND = 25
SPAN = 180 * 86_400.0  # seconds that all of it is spread over
AT_ONCE = 2_000  # rows of one statement's worth of memory


class Place(msgspec.Struct, frozen=True):
    """Where a block stands among all of them."""

    number: int
    session: int
    round: int
    first: bool
    """The first of its round."""
    time: float


def fill(path: Path, blocks: int, *, now: float) -> sqlite3.Connection:
    """A new read model at `path` with so many blocks; the connection, as a reader has it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for statement in Agents.schema:
        connection.execute(statement)
    _rows(connection, blocks, now)
    for table, select in SUMS.items():
        connection.execute(f"INSERT INTO {table} {select}")
    for statement in Agents.late_schema:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


def places(blocks: int, now: float) -> Iterator[Place]:
    """One place per block, session after session."""
    number = session = 0
    while number < blocks:
        size = min(2_000 if session % 20 == 7 else 150 + session * 37 % 120, blocks - number)
        began = now - SPAN * (1 - number / blocks)
        for step in range(size):
            yield Place(number, session, step // PER_ROUND, step % PER_ROUND == 0, began + step * 4.0)
            number += 1
        session += 1


def sid_of(session: int) -> str:
    return f"{session * 2654435761 % 2**32:08x}-5e55-4000-8000-{session:012d}"


def _rows(connection: sqlite3.Connection, blocks: int, now: float) -> None:
    waiting: dict[str, list[tuple[Any, ...]]] = {}
    seen = -1
    for place in places(blocks, now):
        if place.session != seen:
            seen = place.session
            _add(waiting, "sessions", _session(place, blocks))
            _add(waiting, "runs", _run(place, blocks))
        for table, row in _at(place):
            _add(waiting, table, row)
        if place.number % AT_ONCE == 0:
            _write(connection, waiting)
    _write(connection, waiting)
    connection.execute(
        """INSERT INTO errors(event_id, position, number, sid, round_id, time, error_type, message)
        SELECT 'e' || round_id, row_number() OVER (ORDER BY round_id), 0, sid, round_id, start_time, 'overloaded', '529'
        FROM rounds WHERE round_number % 10 = 3"""
    )
    connection.execute("INSERT INTO raw_events VALUES ('odd', 1, 'nobody.knows', NULL, '{}', 0)")


def _active(place: Place, blocks: int) -> bool:
    return place.session % 100 == 0 or place.number > blocks * 0.999


def _session(place: Place, blocks: int) -> Session:
    return Session(
        sid_of(place.session),
        "claude_code",
        1000 + place.session,
        place.time,
        None if _active(place, blocks) else place.time + 900,
        int(_active(place, blocks)),
        place.time + 900,
        cwd=f"/home/somebody/projects/number-{place.session % 40}",
        version="2.0.1",
        title=f"Work number {place.session} on the thing that does not work",
        model=MODELS[place.session % 3],
        round_count=10,
    )


def _run(place: Place, blocks: int) -> Run:
    ended = None if _active(place, blocks) else place.time + 900
    return Run(sid_of(place.session), 1000 + place.session, place.time, ended, last_time=place.time + 900)


def _at(place: Place) -> Iterator[tuple[str, msgspec.Struct]]:
    """The rows that stand at a place: its block, and what begins there."""
    sid, number = sid_of(place.session), place.number
    round_id = f"{sid}/{place.round}"
    if place.first:
        yield "rounds", _round(place, sid, round_id)
    flow, index = f"msg_{number // 5 * 2 + (number % 5 > 2):024d}", (number % 5) % 3
    if index == 0 or place.first:
        yield (
            "messages",
            Message(flow, f"req_{number:024d}", sid, place.session, round_id, role="assistant", start_time=place.time),
        )
        spent = (3 + number % 7, 200 + number % 900, number % 5000, 10_000 + number % 90_000)
        yield "usage", Usage(flow, sid, flow, "message", place.time, MODELS[number % 3], *spent)
    tool = f"toolu_{number:024d}" if number % 3 == 2 else None
    name = TOOLS[number * 7 % 10] if tool else None
    kind = "tool_use" if tool else ("text", "thinking")[number % 2]
    text = TEXT * (1 + number % 11)
    times = (place.time, place.time + 2.0)
    finished = int(number % 5000 != 4999)
    yield (
        "content_blocks",
        Block(flow, index, kind, tool, name, *times, 40, len(text), text, None, finished, sid, round_id, times[1]),
    )
    if tool and number % 100:
        failed = int(number % 17 == 0)
        spent_ms = float(number % 9000)
        yield (
            "tool_results",
            Result(
                tool,
                flow,
                index,
                place.time + 3,
                failed,
                300,
                TEXT * 2,
                None,
                spent_ms,
                TEXT * 4,
                sid=sid,
                tool_name=name,
            ),
        )


def _round(place: Place, sid: str, round_id: str) -> Round:
    state = "open" if place.number % 2000 < PER_ROUND else "orphaned" if place.number % 3000 < PER_ROUND else "complete"
    return Round(
        round_id,
        sid,
        1000 + place.session,
        place.round,
        place.time,
        place.time + 90,
        90_000.0,
        1,
        is_complete=int(state == "complete"),
        state=state,
        user_prompt=TEXT,
        last_activity_time=place.time + 90,
        evidence=int(state == "complete") * 3,
    )


def _add(waiting: dict[str, list[tuple[Any, ...]]], table: str, row: msgspec.Struct) -> None:
    waiting.setdefault(table, []).append(msgspec.structs.astuple(row))


def _write(connection: sqlite3.Connection, waiting: dict[str, list[tuple[Any, ...]]]) -> None:
    for table, rows in waiting.items():
        if rows:
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            rows.clear()
