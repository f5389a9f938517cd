"""Neighbouring pieces of one streamed block joined into one, so that projections fold far fewer facts.

Nothing that a fold can see changes: text, number of pieces, bytes, first and last time of a block add up, and whatever
a fold remembers first, last, smallest or largest about a session, a round or a process stays the same. That holds for
these reasons:

* A run of pieces ends where any other fact of its session arrives, or one that mentions its message, or one that can
  move clocks; so nothing is decided while pieces are held back. (What facts of *other* sessions find of this one is not
  promised.)
* A block's first run since then ends where anything else stands in the log. Only its later pieces are joined across
  other blocks and sessions, so everything is created in the order of the log.
* A run stands where its last piece stood, and its times never go back, so that its last time is its largest.
* Where the producer tells no UTC time, all pieces of a run were recorded at the same time: it may be used instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from eventsrc.plugin import AgentFactBase, BlockDelta, Fact, Reading

_Key: TypeAlias = tuple[str, str, str, int, str, str, str, int | None, str]


def join(readings: Iterable[Reading]) -> list[Reading]:
    """The same readings with fewer deltas. Pure; joining twice, or parts first, gives the same meaning."""
    joining = _Joining()
    for reading in readings:
        facts = reading.facts
        if len(facts) == 1 and type(facts[0]) is BlockDelta and facts[0].zone_hint is None:
            joining.piece(reading, facts[0])
        else:
            if joining.holds_back:
                for fact in facts:
                    joining.other(fact)
            joining.out.append(reading)
    return joining.end()


class _Run:
    """Pieces of one block that become one."""

    __slots__ = ("count", "crosses", "first", "last", "reading", "slot", "texts")

    def __init__(self, reading: Reading, piece: BlockDelta, slot: int, *, crosses: bool) -> None:
        self.first = piece
        self.last = piece
        self.reading = reading
        """That of the last piece."""
        self.slot = slot
        """Where the last piece stood."""
        self.count = piece.count
        self.texts = [piece.text]
        self.crosses = crosses
        """Goes on across other readings: not the block's first run."""

    def add(self, reading: Reading, piece: BlockDelta, slot: int) -> bool:
        """False when joining would hide a time: nothing is added then."""
        last = self.last
        now, before = piece.time, last.time if last.last_time is None else last.last_time
        if now is None or before is None:
            if now is not before or not self._same_instant(reading, piece):
                return False
        elif now < before or piece.local is not None or last.local is not None:
            return False
        self.last = piece
        self.reading = reading
        self.slot = slot
        self.count += piece.count
        self.texts.append(piece.text)
        return True

    def _same_instant(self, reading: Reading, piece: BlockDelta) -> bool:
        """True when only the local time differs, and does not go back."""
        if reading.recorded != self.reading.recorded or reading.time != self.reading.time:
            return False
        now, before = piece.local, _last_local(self.last)
        return now is before if now is None or before is None else now >= before

    def joined(self) -> Reading:
        if len(self.texts) == 1:
            return self.reading
        first, last, reading = self.first, self.last, self.reading
        piece = BlockDelta(
            sid=first.sid,
            time=first.time,
            pid=first.pid,
            round=first.round,
            agent=first.agent,
            local=first.local,
            message_id=first.message_id,
            request_id=first.request_id,
            index=first.index,
            kind=first.kind,
            text="".join(self.texts),
            count=self.count,
            last_time=last.time if last.last_time is None else last.last_time,
            last_local=_last_local(last),
        )
        return msgspec.structs.replace(reading, facts=[piece])


class _Joining:
    """The readings so far. A piece that went into a later one leaves None in its place."""

    def __init__(self) -> None:
        self.out: list[Reading | None] = []
        self._runs: dict[_Key, _Run] = {}
        self._sessions: dict[str, list[_Key]] = {}
        """The keys of each session's open runs."""
        self._flows: dict[str, set[str]] = {}
        """Messages with an open run, by either id → their sessions."""

    @property
    def holds_back(self) -> bool:
        """Whether any piece may still go into a later one."""
        return bool(self._runs)

    def piece(self, reading: Reading, piece: BlockDelta) -> None:
        """One delta: goes on with its block's run, or begins one."""
        flow, other_flow = piece.request_id, piece.message_id
        key = (
            piece.sid,
            flow,
            other_flow,
            piece.index,
            piece.kind,
            piece.round,
            piece.agent,
            piece.pid,
            reading.source,
        )
        run = self._runs.get(key)
        slot = len(self.out)
        self.out.append(None)
        if run is not None:
            if (run.crosses or run.slot == slot - 1) and run.add(reading, piece, slot):
                return
            self.out[run.slot] = run.joined()
        else:
            self._sessions.setdefault(piece.sid, []).append(key)
            for name in (flow, other_flow):
                self._flows.setdefault(name, set()).add(piece.sid)
        self._runs[key] = _Run(reading, piece, slot, crosses=run is not None)

    def other(self, fact: Fact) -> None:
        """Any other fact: what it may decide about must be whole before it."""
        if not isinstance(fact, AgentFactBase) or not fact.sid or fact.zone_hint is not None:
            for sid in list(self._sessions):
                self._close(sid)
            return
        self._close(fact.sid)
        for flow in (getattr(fact, "message_id", ""), getattr(fact, "request_id", "")):
            for sid in self._flows.pop(flow, ()) if flow else ():
                self._close(sid)

    def _close(self, sid: str) -> None:
        for key in self._sessions.pop(sid, ()):
            run = self._runs.pop(key)
            self.out[run.slot] = run.joined()

    def end(self) -> list[Reading]:
        for sid in list(self._sessions):
            self._close(sid)
        return [reading for reading in self.out if reading is not None]


def _last_local(piece: BlockDelta) -> float | None:
    return piece.local if piece.last_local is None else piece.last_local
