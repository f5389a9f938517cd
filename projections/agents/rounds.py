"""Rounds: one prompt and everything that it set off, as a state machine fed by evidence.

    warm_up ──prompt──▶ open ──▶ complete · aborted · superseded · orphaned

Stronger evidence of an end replaces weaker, never the other way round; no clock closes a round. What comes late, after
an end, is folded like anything else and changes no state: `last_activity_time` is then later than `end_time`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from eventsrc.plugin import AgentFact, PromptSubmitted, RoundEnded
from projections.agents.rows import Prompt, Round, Session
from projections.agents.sessions import open_rounds
from projections.agents.table import Table
from projections.agents.twins import VOICES, said_at, voice_of

COMPLETE, ABORTED, INFERRED, SESSION_END, SUPERSEDED, GONE = 6, 5, 4, 3, 2, 1
"""Strength of the evidence of an end."""
SAME_MOMENT = 0.020  # seconds between a prompt and the id of the round that it belongs to


class Rounds:
    """What is known of rounds."""

    def __init__(self, connection: sqlite3.Connection, changed: Callable[[Session], None]) -> None:
        """`changed` is told of every session whose row is changed here, or the change would be lost with the object."""
        self._changed = changed
        self._table = Table(connection, "rounds", Round)
        self._prompts = Table(connection, "prompts", Prompt)

    def touch(self, fact: AgentFact, session: Session, time: float | None) -> str | None:
        """The round of a fact, made as a warm-up round when its key is new; None when nothing tells."""
        if session.held_prompt is not None and fact.round:
            self._release(fact, session)
        round_id = f"{fact.sid}/{fact.round}" if fact.round else session.current_round
        row = self._table.rows.get(round_id)
        if row is None:  # seldom: it is new, not in memory, or another producer told of it first
            row = self._sought(fact, session, time)
            if row is None:
                return None
        if time is not None and (row.last_activity_time is None or time > row.last_activity_time):
            row.last_activity_time = time
            self._table.changed[row.round_id] = row
        return row.round_id

    def begun(self, fact: AgentFact, session: Session, time: float | None) -> None:
        """The producer says that a round began: what names none belongs to it from now on."""
        if not fact.round:
            return
        round_id = self._keyed(fact)
        row = self._table.get(round_id) or self._new(round_id, session, fact, time)
        row.begun = 1
        self._table.put(round_id, row)
        session.current_round = round_id
        self._changed(session)

    def prompted(self, fact: PromptSubmitted, session: Session, time: float | None) -> str | None:
        """A prompt opens a round, or one that is queued is delivered into the running round."""
        known = self._prompts.get(fact.prompt_id) if fact.prompt_id else None
        if known is not None:  # a copy, in this session or in a fork of it
            session.current_round = known.round_id
            self._changed(session)
            return known.round_id
        if fact.kind == "queued":
            return self.touch(fact, session, time)
        running = None if fact.round else self._running(fact, session)
        if running is not None:
            return self._open(running, fact, session, time)
        if fact.round and self._belongs_to_the_next(fact, session, time):
            session.held_prompt = json.dumps([fact.prompt, fact.prompt_id, fact.kind, time, fact.pid, fact.round])
            self._changed(session)
            return None
        twin = self._told_by_another(fact, session, time)
        if twin is not None:
            return twin
        key = fact.round or fact.prompt_id or f"{time or 0:.3f}#{session.round_count + 1}"
        return self._open(f"{fact.sid}/{key}", fact, session, time)

    def ended(self, fact: RoundEnded, session: Session, time: float | None) -> None:
        """Evidence that a round ended."""
        known = self._prompts.get(fact.prompt_id) if fact.prompt_id else None
        round_id = known.round_id if known else self._keyed(fact) if fact.round else session.current_round
        row = self._table.get(round_id) if round_id else None
        if row is None:
            return
        strength = (COMPLETE if fact.outcome == "complete" else ABORTED) if fact.explicit else INFERRED
        state = "complete" if fact.outcome == "complete" else "aborted"
        self._end(row, session, state, strength, time, fact.reason or (fact.outcome if state == "aborted" else ""))
        if fact.explicit and not row.has_stop:
            row.has_stop = 1
            self._table.put(row.round_id, row)

    def session_ended(self, session: Session, pid: int | None, time: float | None, *, gone: str = "") -> None:
        """Open rounds of a run whose session ended (aborted), or whose process is gone (orphaned)."""
        for round_id in open_rounds(session):
            row = self._table.get(round_id)
            if row is not None and (pid is None or row.pid in (None, pid)):
                if gone:
                    self._end(row, session, "orphaned", GONE, time, f"process {gone}")
                else:
                    self._end(row, session, "aborted", SESSION_END, time, "session_end")

    def works_on(self, round_id: str | None, session: Session, time: float | None) -> None:
        """A round whose end was only inferred goes on after all, unless this was before that end."""
        row = self._known(round_id)
        if row is None or row.evidence != INFERRED:
            return
        if time is not None and row.end_time is not None and time < row.end_time:
            return
        row.state, row.evidence, row.is_complete, row.is_aborted = "open", 0, 0, 0
        row.end_time = row.duration_ms = row.reason = None
        self._table.put(row.round_id, row)
        self._remember_open(session, row.round_id, opened=True)

    def answered(self, round_id: str | None, session: Session) -> None:
        """The model answers: what began the round is a prompt even when it was a command."""
        row = self._known(round_id)
        if row is not None and row.kind == "command" and not row.has_user_prompt:
            row.has_user_prompt = 1
            self._table.put(row.round_id, row)
            self._begins(row, session, row.user_prompt_time)

    def says(self, round_id: str | None, block_type: str) -> None:
        """The model's last whole block outside of side chains: a round that nothing ends ends well with a text."""
        row = self._known(round_id)
        if row is not None and row.last_said != block_type:
            row.last_said = block_type
            self._table.put(row.round_id, row)

    def session_of(self, prompt_id: str) -> str | None:
        """The session in which a prompt was first told of."""
        known = self._prompts.get(prompt_id)
        row = self._table.get(known.round_id) if known is not None else None
        return row.sid if row is not None else None

    def flush(self) -> None:
        """Writes what changed."""
        self._table.flush()
        self._prompts.flush()

    def _known(self, round_id: str | None) -> Round | None:
        return self._table.rows.get(round_id) or (self._table.get(round_id) if round_id else None)

    def _sought(self, fact: AgentFact, session: Session, time: float | None) -> Round | None:
        """The round of a fact, wherever it is."""
        if not fact.round:
            return self._table.get(session.current_round) if session.current_round else None
        round_id = self._keyed(fact)
        return self._table.get(round_id) or self._new(round_id, session, fact, time)

    def _new(self, round_id: str, session: Session, fact: AgentFact, time: float | None) -> Round:
        session.round_count += 1
        self._changed(session)
        row = Round(round_id, fact.sid, fact.pid, session.round_count, time, last_activity_time=time)
        return self._table.put(round_id, row)

    def _open(self, round_id: str, fact: PromptSubmitted, session: Session, time: float | None) -> str:
        row = self._table.get(round_id) or self._new(round_id, session, fact, time)
        if not row.has_user_prompt:  # a round keeps the prompt that began it; a command typed into it adds none
            row.user_prompt, row.user_prompt_time, row.kind = fact.prompt, time, fact.kind
            row.has_user_prompt = int(fact.kind != "command")
        if fact.pid is not None:
            row.pid = fact.pid
        if time is not None:
            row.last_activity_time = max(row.last_activity_time or time, time)
            row.start_time = time if row.start_time is None else min(row.start_time, time)
        self._table.put(round_id, row)
        if row.has_user_prompt:
            self._begins(row, session, time)
        if fact.prompt_id:
            self._names(fact.prompt_id, round_id)
        if time is not None:
            self._names(said_at(fact, time, voice_of(fact))[0], round_id)
        session.current_round = round_id
        self._changed(session)
        return round_id

    def _begins(self, row: Round, session: Session, time: float | None) -> None:
        """The round has its prompt: those before it are over."""
        for other in open_rounds(session):
            before = self._table.get(other)
            if before is None or other == row.round_id or before.pid not in (None, row.pid):
                continue
            if before.last_said == "text" and row.pid is None:  # transcripts often write no end at all
                self._end(before, session, "complete", INFERRED, before.last_activity_time, "")
            else:
                self._end(before, session, "superseded", SUPERSEDED, time, "")
        if row.state == "warm_up":
            _begin(row, time)
        if not row.evidence:
            self._remember_open(session, row.round_id, opened=True)

    def _running(self, fact: PromptSubmitted, session: Session) -> str | None:
        """The current round, when its begin was told and its end was not: a prompt that names no round is its. Where
        another producer has told the end already, its prompt is still known by the text."""
        row = self._table.get(session.current_round) if session.current_round else None
        if row is None or not row.begun or (row.evidence and row.user_prompt != fact.prompt):
            return None
        return row.round_id

    def _names(self, name: str, round_id: str) -> None:
        self._prompts.put(name, Prompt(name, round_id))

    def _keyed(self, fact: AgentFact) -> str:
        """The round that a producer's key names: mostly its own, unless another producer told of it first."""
        round_id = f"{fact.sid}/{fact.round}"
        if self._table.get(round_id) is None:
            known = self._prompts.get(f"round {round_id}")
            return round_id if known is None else known.round_id
        return round_id

    def _told_by_another(self, fact: PromptSubmitted, session: Session, time: float | None) -> str | None:
        """The round that another producer opened with this prompt: a stream and a transcript of one session."""
        own = f"{fact.sid}/{fact.round}"
        if time is None or (fact.round and self._table.get(own) is not None):
            return None
        own_voice = voice_of(fact)
        for name in said_at(fact, time, *(voice for voice in VOICES if voice != own_voice)):
            known = self._prompts.get(name)
            if known is not None:
                for one in (fact.prompt_id, fact.round and f"round {own}"):
                    if one:
                        self._names(one, known.round_id)
                session.current_round = known.round_id
                self._changed(session)
                return known.round_id
        return None

    def _end(self, row: Round, session: Session, state: str, strength: int, time: float | None, reason: str) -> None:
        if strength <= row.evidence:
            return
        row.evidence, row.reason = strength, reason or None
        if row.state != "warm_up":  # it stays one until it has its prompt
            row.state = state
        row.is_complete, row.is_aborted = int(state == "complete"), int(state == "aborted")
        row.end_time = time if time is not None else row.last_activity_time
        if row.start_time is not None and row.end_time is not None:
            row.duration_ms = round((row.end_time - row.start_time) * 1000, 3)
        self._table.put(row.round_id, row)
        self._remember_open(session, row.round_id, opened=False)

    def _remember_open(self, session: Session, round_id: str, *, opened: bool) -> None:
        before = open_rounds(session)
        after = [one for one in before if one != round_id]
        if opened:
            after.append(round_id)
        if after != before:
            session.open_rounds = json.dumps(after)
            self._changed(session)

    # --- a prompt that was written with the key of the round before (edge case E4) ---

    def _belongs_to_the_next(self, fact: PromptSubmitted, session: Session, time: float | None) -> bool:
        """True when the round that the prompt names began long before it and is not empty."""
        began = uuid7_time(fact.round)
        if began is None or time is None or abs(began - time) <= SAME_MOMENT:
            return False
        row = self._table.get(f"{fact.sid}/{fact.round}")
        return row is not None and (row.has_user_prompt == 1 or row.state == "warm_up")

    def _release(self, fact: AgentFact, session: Session) -> None:
        """Gives a held prompt to the round that a record of another round shows, or to the one that it named."""
        prompt, prompt_id, kind, time, pid, named = json.loads(session.held_prompt or "[]")
        if fact.round == named and not isinstance(fact, RoundEnded | PromptSubmitted):
            return
        session.held_prompt = None
        self._changed(session)
        began = uuid7_time(fact.round)
        mine = fact.round if began is not None and abs(began - time) <= SAME_MOMENT else named
        held = PromptSubmitted(
            sid=fact.sid, prompt=prompt, prompt_id=prompt_id, kind=kind, pid=pid, round=mine, agent=fact.agent
        )
        self._open(f"{fact.sid}/{mine}", held, session, time)


def _begin(row: Round, time: float | None) -> None:
    """A round gets its prompt. An end that was told of before holds, unless it was earlier than the prompt."""
    if row.evidence and time is not None and row.end_time is not None and row.end_time < time:
        row.evidence = row.is_complete = row.is_aborted = row.has_stop = 0
        row.end_time = row.duration_ms = row.reason = None
    row.state = "complete" if row.is_complete else "aborted" if row.is_aborted else "open"
    if row.start_time is not None and row.end_time is not None:
        row.duration_ms = round((row.end_time - row.start_time) * 1000, 3)


def uuid7_time(text: str) -> float | None:
    """Seconds since the epoch that a UUIDv7 holds; None when it is not one."""
    digits = text.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        return None
    try:
        return int(digits[:12], 16) / 1000
    except ValueError:
        return None
