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
from math import inf
from typing import Any

from eventsrc.plugin import AgentFactBase, BlockDelta, BlockKey, Fact, Piece, Reading, Shaped


def join(meanings: Iterable[Reading | Piece]) -> list[Reading]:
    """The same readings with fewer deltas. Pure; joining twice, or parts first, gives the same meaning.

    Nothing is kept of a piece that went into a later one but its text, so what they were read from can be let go."""
    joining = _Joining()
    runs, out = joining.runs, joining.out
    for meaning in meanings:
        if type(meaning) is not Piece:
            joining.reading(meaning)  # type: ignore[arg-type]  # one of two, and both are final
            continue
        run, now = runs.get(meaning.block), meaning.time
        if run is None or now is None or now < run.until or meaning.local is not None or not run.crosses:
            joining.piece(meaning)
            continue
        # Nine of ten pieces, so written out: what `piece` and `_Run.add` would do.
        run.last, run.until, run.slot = meaning, now if meaning.last_time is None else meaning.last_time, len(out)
        run.count += meaning.count
        run.texts.append(meaning.text)
        out.append(None)
    return joining.end()


class _Run:
    """Pieces of one block that become one."""

    __slots__ = ("count", "crosses", "first", "last", "slot", "texts", "until")

    def __init__(self, piece: Piece, slot: int, *, crosses: bool) -> None:
        self.first = piece
        self.last = piece
        self.until = _until(piece)
        self.slot = slot
        """Where the last piece stood."""
        self.count = piece.count
        self.texts = [piece.text]
        self.crosses = crosses
        """Goes on across other readings: not the block's first run."""

    def add(self, piece: Piece, slot: int) -> bool:
        """False when joining would hide a time: nothing is added then."""
        last, now = self.last, piece.time
        if now is None or last.time is None:
            if now is not last.time or not _same_instant(last, piece):
                return False
        elif now < self.until or piece.local is not None:
            return False
        self.last = piece
        self.until = _until(piece)
        self.slot = slot
        self.count += piece.count
        self.texts.append(piece.text)
        return True

    def joined(self) -> Reading:
        first, last = self.first, self.last
        if first is last:
            return last.reading
        last_time, last_local = last.time if last.last_time is None else last.last_time, _last_local(last)
        text = "".join(self.texts)
        whole = Piece(last.event, first.block, first.time, first.local, text, self.count, last_time, last_local)
        return whole.reading


def _until(piece: Piece) -> float:
    """The time from which pieces may follow; never where that takes more than the time."""
    if piece.time is None or piece.local is not None:
        return inf
    return piece.time if piece.last_time is None else piece.last_time


def _same_instant(last: Piece, piece: Piece) -> bool:
    """True when only the local time differs, and does not go back."""
    event, before = piece.event, last.event
    if event.recordedtime != before.recordedtime or event.time != before.time:
        return False
    now, then = piece.local, _last_local(last)
    return now is then if now is None or then is None else now >= then


def _last_local(piece: Piece) -> float | None:
    return piece.local if piece.last_local is None else piece.last_local


class _Joining:
    """The readings so far. A piece that went into a later one leaves None in its place."""

    def __init__(self) -> None:
        self.out: list[Reading | None] = []
        self.runs: dict[BlockKey, _Run] = {}
        self._sessions: dict[str, list[BlockKey]] = {}
        """The keys of each session's open runs."""
        self._flows: dict[str, set[str]] = {}
        """Messages with an open run, by either id → their sessions."""

    def piece(self, piece: Piece) -> None:
        """One piece: goes on with its block's run, or begins one."""
        block, out = piece.block, self.out
        run = self.runs.get(block)
        slot = len(out)
        out.append(None)
        if run is not None:
            if (run.crosses or run.slot == slot - 1) and run.add(piece, slot):
                return
            out[run.slot] = run.joined()
        else:
            sid, message_id, request_id = block[0], block[4], block[5]
            self._sessions.setdefault(sid, []).append(block)
            for name in (request_id, message_id):
                self._flows.setdefault(name, set()).add(sid)
        self.runs[block] = _Run(piece, slot, crosses=run is not None)

    def reading(self, reading: Reading) -> None:
        """A piece that was a reading before; or anything else."""
        facts = reading.facts
        if len(facts) == 1 and type(facts[0]) is BlockDelta and facts[0].zone_hint is None:
            self.piece(_piece_of(reading, facts[0]))
            return
        if self.runs:
            for fact in facts:
                self.other(fact)
        self.out.append(reading)

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
        for block in self._sessions.pop(sid, ()):
            run = self.runs.pop(block)
            self.out[run.slot] = run.joined()

    def end(self) -> list[Reading]:
        for sid in list(self._sessions):
            self._close(sid)
        return [reading for reading in self.out if reading is not None]


def _piece_of(reading: Reading, fact: BlockDelta) -> Piece:
    block = (
        fact.sid,
        fact.round,
        fact.pid,
        fact.agent,
        fact.message_id,
        fact.request_id,
        fact.index,
        fact.kind,
        reading.source,
    )
    event: Shaped[Any] = Shaped(
        sequence=str(reading.position),
        id=reading.id,
        source=reading.source,
        type=reading.type,
        subject=reading.subject,
        revision=0,  # a reading does not know it, and nothing asks
        recordedtime=reading.recorded,
        time=reading.time,
    )
    return Piece(event, block, fact.time, fact.local, fact.text, fact.count, fact.last_time, fact.last_local)
