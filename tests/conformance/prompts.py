"""A projection and a format for tests: small, with every habit that the engine must cope with.

It numbers the prompts of each session (memory that is a cache of its tables), gathers streamed text (joined deltas),
and fails on demand.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from eventsrc.event import Event, Position
from eventsrc.plugin import BlockDelta, Fact, Piece, Projection, PromptSubmitted, Reading
from tests.conformance.projections import event


class Note(msgspec.Struct):
    """What the data of a test event says."""

    sid: str = "s"
    prompt: str | None = None
    delta: str | None = None


class Notes:
    """The format of test events. Data without sense is refused, as a format must."""

    def read(self, event: Event) -> Reading:
        note = msgspec.json.decode(event.data, type=Note)
        facts: list[Fact] = []
        if note.prompt is not None:
            facts.append(PromptSubmitted(sid=note.sid, prompt=note.prompt))
        if note.delta is not None:
            facts.append(BlockDelta(sid=note.sid, message_id=note.sid, index=0, kind="text", text=note.delta))
        return Reading(event.position, event.id, event.type, event.source, facts, None, event.subject)

    def read_events(self, events: Sequence[Event]) -> list[Reading | Piece]:
        return [self.read(event) for event in events]


class Counting(Notes):
    """Counts how often each event is read."""

    def __init__(self) -> None:
        self.times: Counter[Position] = Counter()

    def read(self, event: Event) -> Reading:
        self.times[event.position] += 1
        return super().read(event)


def join(meanings: Iterable[Reading | Piece]) -> list[Reading]:
    """Joins neighbouring deltas of one session, as the catalogue of formats does."""
    joined: list[Reading] = []
    for reading in meanings:
        assert isinstance(reading, Reading), "this format has no pieces"
        before, now = _delta(joined[-1]) if joined else None, _delta(reading)
        if before is not None and now is not None and before.sid == now.sid:
            whole = msgspec.structs.replace(before, text=before.text + now.text, count=before.count + now.count)
            joined[-1] = msgspec.structs.replace(reading, facts=[whole])
        else:
            joined.append(reading)
    return joined


def _delta(reading: Reading) -> BlockDelta | None:
    fact = reading.facts[0] if len(reading.facts) == 1 else None
    return fact if isinstance(fact, BlockDelta) else None


class Prompts(Projection):
    """The prompts of each session, numbered, and the text that was streamed."""

    name = "prompts"
    version = 1
    schema: ClassVar[Sequence[str]] = (
        "CREATE TABLE prompts(sid TEXT, n INTEGER, prompt TEXT NOT NULL, PRIMARY KEY(sid, n)) STRICT",
        "CREATE TABLE texts(sid TEXT PRIMARY KEY, text TEXT NOT NULL, pieces INTEGER NOT NULL) STRICT",
    )
    late_schema = ("CREATE INDEX prompts_by_text ON prompts(prompt)",)

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._numbers: dict[str, int] = {}
        self._prompts: list[tuple[str, int, str]] = []
        self._texts: dict[str, tuple[str, int]] = {}

    def fold(self, reading: Reading) -> None:
        for fact in reading.facts:
            if isinstance(fact, PromptSubmitted):
                if fact.prompt == "poison":
                    raise ValueError("a poisoned prompt")
                self._prompts.append((fact.sid, self._next(fact.sid), fact.prompt))
            elif isinstance(fact, BlockDelta):
                text, pieces = self._texts.get(fact.sid, ("", 0))
                self._texts[fact.sid] = (text + fact.text, pieces + fact.count)

    def flush(self) -> None:
        prompts, self._prompts = self._prompts, []
        texts, self._texts = self._texts, {}
        self.connection.executemany("INSERT INTO prompts VALUES (?, ?, ?)", prompts)
        self.connection.executemany(
            "INSERT INTO texts VALUES (?1, ?2, ?3) "
            "ON CONFLICT(sid) DO UPDATE SET text = text || excluded.text, pieces = pieces + excluded.pieces",
            [(sid, text, pieces) for sid, (text, pieces) in texts.items()],
        )
        if any(prompt == "late poison" for _, _, prompt in prompts):
            raise RuntimeError("poisoned while flushing")

    def _next(self, sid: str) -> int:
        if sid not in self._numbers:
            query = "SELECT coalesce(max(n), 0) FROM prompts WHERE sid = ?"
            (self._numbers[sid],) = self.connection.execute(query, (sid,)).fetchone()
        self._numbers[sid] += 1
        return self._numbers[sid]


class Second(Prompts):
    """Another read model of the same."""

    name = "second"


def notes(count: int, *, seed: int = 3, poison: Iterable[Position] = ()) -> list[Event]:
    """Events at positions 1 … count: mostly deltas, prompts in between; at the positions in `poison`, a bad one."""
    chance = random.Random(seed)
    bad = set(poison)
    made = []
    for position in range(1, count + 1):
        sid = chance.choice("abc")
        if position in bad:
            made.append(event(position, {"sid": sid, "prompt": "poison"}))
        elif chance.random() < 0.2:
            made.append(event(position, {"sid": sid, "prompt": f"p{position}"}))
        else:
            made.append(event(position, {"sid": sid, "delta": f"{position} "}))
    return made
