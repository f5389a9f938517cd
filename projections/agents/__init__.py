"""The read model `agents`: what coding agents did and are doing, whatever format told it.

One file per noun: sessions and runs, rounds, flows (messages and blocks), results, usage. Each keeps its rows in memory
and writes what changed once per batch; all of it can be thrown away between two batches.

*Must never know*: which format an event came from, whether it is live or replayed, what time it is. Ages and verdicts
like "stalled" are answers of questions, counted from the reader's clock.

*What survives a crash here*: everything that was committed, and nothing else. What is remembered between events stands
in columns. A file beside the rows is whole before the row that names it, and is never written over; a batch that was
undone leaves at most a file that no row names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from eventsrc.plugin import (
    Activity,
    AgentFact,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ContextCompacted,
    ErrorReported,
    Fact,
    MachineWoke,
    MessageEnded,
    MessageStarted,
    ProcessGone,
    ProcessSeen,
    Projection,
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
    Unknown,
    UsageReported,
    Waiting,
    parse_time,
)
from projections.agents import calls, notes, states, titles
from projections.agents.calls import Calls
from projections.agents.figures import FIGURES
from projections.agents.flows import Flows
from projections.agents.notes import Notes
from projections.agents.questions import QUESTIONS
from projections.agents.results import Results
from projections.agents.rounds import Rounds
from projections.agents.rows import Session
from projections.agents.schema import LATE_SCHEMA, SCHEMA
from projections.agents.sessions import Sessions
from projections.agents.titles import Titles
from projections.agents.usage import Usages, name_of

__all__ = ["Agents"]

QUIET = frozenset({ProcessSeen, ProcessGone, SessionEnded})
"""Facts that are no sign of life of a run."""
RUNLESS = QUIET | {SessionStarted}
"""Facts that see to their run themselves."""
NOTHING = Activity()


class Agents(Projection):
    """Folds agents' domain events into sessions, runs, rounds, messages, blocks, results and tokens."""

    name = "agents"
    version = 10
    schema = (*SCHEMA, *calls.SCHEMA, *titles.SCHEMA, *notes.SCHEMA)
    late_schema = (*LATE_SCHEMA, *calls.LATE_SCHEMA, *states.LATE_SCHEMA)
    questions = (*QUESTIONS, *states.VERDICTS, *FIGURES)

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._sessions = Sessions(connection)
        self._rounds = Rounds(connection, self._sessions.changed)
        self._flows = Flows(connection)
        self._results = Results(connection, folder)
        self._usage = Usages(connection)
        self._calls = Calls(connection)
        self._titles = Titles(connection, self._sessions.entitle)
        self._notes = Notes(connection)

    def fold(self, reading: Reading) -> None:
        """Takes one event in."""
        if reading.raw is not None:
            self._notes.raw(reading)
        before: Any = NOTHING
        for fact in reading.facts:
            kind = type(fact)
            way = WAYS.get(kind)  # `isinstance` of a struct costs as much as what is done with most facts
            if way is None or not fact.sid:  # type: ignore[union-attr]
                self._sessionless(fact, reading)
                continue
            one: Any = fact
            is_plain = one.local is None and kind not in RUNLESS
            if not is_plain or one.sid != before.sid or one.time != before.time or one.pid != before.pid:
                session, time = self._place(one, kind, reading)  # else what the fact before found is true of this one
                before = one if is_plain else NOTHING
            way(self, one, session, time, reading)

    def flush(self) -> None:
        """Writes what changed."""
        parts = (self._sessions, self._rounds, self._flows, self._results, self._usage, self._calls, self._titles)
        for part in (*parts, self._notes):
            part.flush()

    def _sessionless(self, fact: Fact, reading: Reading) -> None:
        if type(fact) is MachineWoke:
            self._notes.woke(fact, reading)
        elif type(fact) is SessionObserved and fact.title_of:
            known = self._rounds.session_of(fact.title_of) or self._flows.session_of(f"{fact.title_of}#0")
            self._titles.told(fact, known)

    def _place(self, fact: AgentFact, kind: type, reading: Reading) -> tuple[Session, float | None]:
        """The session of a fact and when it happened; session and run are touched by it."""
        time = fact.time if fact.local is None else self._sessions.time_of(fact)
        if time is None and kind in QUIET:
            time = parse_time(reading.recorded)
        session = self._sessions.of(fact, None if kind is ProcessSeen else time)
        if fact.pid is not None and kind not in RUNLESS and kind is not BlockDelta:
            self._sessions.run_of(fact, session, time)
        return session, time

    def _prompted(self, fact: PromptSubmitted, session: Session, time: float | None, _: Reading) -> None:
        self._rounds.prompted(fact, session, time)
        self._titles.seen(fact.prompt_id, fact.sid)
        self._sessions.goes_on(session, time)
        self._sessions.changed(session)

    def _round_started(self, fact: RoundStarted, session: Session, time: float | None, _: Reading) -> None:
        self._rounds.begun(fact, session, time)
        self._rounds.touch(fact, session, time)

    def _round_ended(self, fact: RoundEnded, session: Session, time: float | None, _: Reading) -> None:
        self._rounds.touch(fact, session, time)
        self._rounds.ended(fact, session, time)
        self._sessions.goes_on(session, time)
        self._sessions.changed(session)

    # --- messages, blocks, results and tokens, all within the round that goes on ---

    def _delta(self, fact: BlockDelta, session: Session, time: float | None, _: Reading) -> None:
        last = fact.last_time
        if last is None:
            last = time if fact.last_local is None else fact.last_local - (session.zone_offset or 0.0)
        if last != time:
            session = self._sessions.of(fact, last)
        self._sessions.run_of(fact, session, last)
        round_id = self._rounds.touch(fact, session, last)
        self._flows.delta(fact, round_id, time, last)

    def _begun(self, fact: MessageStarted, session: Session, time: float | None, _: Reading) -> None:
        current = self._rounds.touch(fact, session, time)
        moved = self._flows.message_started(fact, self._round_of_agent(fact, session) or current, time)
        for block in moved:
            self._results.called(block)
        if moved:
            self._usage.moved((fact.message_id, fact.request_id), moved[0].flow_id)
        if fact.role == "assistant" and not fact.is_sidechain:
            self._rounds.answered(current, session)
            self._sessions.answers(session, time)

    def _ended(self, fact: MessageEnded, session: Session, time: float | None, _: Reading) -> None:
        self._flows.message_ended(fact, self._rounds.touch(fact, session, time), time)

    def _started(self, fact: BlockStarted, session: Session, time: float | None, _: Reading) -> None:
        self._results.called(self._flows.started(fact, self._rounds.touch(fact, session, time), time))

    def _completed(self, fact: BlockCompleted, session: Session, time: float | None, _: Reading) -> None:
        self._results.called(self._flows.completed(fact, self._rounds.touch(fact, session, time), time))

    def _received(self, fact: BlockReceived, session: Session, time: float | None, _: Reading) -> None:
        round_id = self._rounds.touch(fact, session, time)
        if self._titles.waiting:
            self._titles.seen(fact.key.rpartition("#")[0], fact.sid)
        block = self._flows.received(fact, round_id, time)
        if block is not None:
            message = self._flows.message_of(block.flow_id)
            if message is not None and message.role == "assistant" and not message.is_sidechain:
                self._rounds.says(message.round_id, fact.block_type)
            if block.block_type == "tool_use":
                self._rounds.works_on(round_id, session, time)
            if block.tool_use_id:
                self._results.called(block)

    def _answered(self, fact: ToolResultReceived, session: Session, time: float | None, _: Reading) -> None:
        self._rounds.touch(fact, session, time)
        self._results.received(fact, self._flows.tool(fact.tool_use_id), time)
        self._calls.answered(fact, time)
        self._sessions.goes_on(session, time, fact.tool_use_id)

    def _round_of_agent(self, fact: MessageStarted, session: Session) -> str | None:
        """The round of the tool call that set a sub-agent to work, where it is known: its own file may be read when
        the session is long past that round."""
        if not fact.is_sidechain:
            return None
        call = fact.parent_tool_use_id or self._sessions.call_of_agent(session, fact.agent_id)
        block = self._flows.tool(call) if call else None
        return block.round_id if block is not None else None

    def _used(self, fact: UsageReported, session: Session, time: float | None, reading: Reading) -> None:
        self._rounds.touch(fact, session, time)
        named = fact.message_id or fact.request_id
        if not named and fact.model is None:  # no message will tell: it is the model that the session goes on with
            fact = msgspec.structs.replace(fact, model=session.model)
        if not named and fact.rule != "largest":
            self._usage.counted(fact, time, reading.source)
            return
        flow = self._flows.flow_of(fact.message_id, fact.request_id, bind=True) if named else None
        message = self._flows.message_of(flow) if flow else None
        self._usage.reported(fact, flow, name_of(fact, message), time, reading.source)

    # --- what is seen around the agent ---

    def _observed(self, fact: SessionObserved, session: Session, time: float | None, _: Reading) -> None:
        before = session.metadata
        self._sessions.observed(fact, session)
        if fact.copy_of:
            self._usage.copied(fact.sid, fact.copy_of)
        if fact.metadata and session.metadata != before:
            self._flows.adopt(fact)

    def _session_ended(self, fact: SessionEnded, session: Session, time: float | None, _: Reading) -> None:
        self._sessions.ended(fact, session, time)
        self._rounds.session_ended(session, fact.pid, time)
        self._sessions.changed(session)

    def _gone(self, fact: ProcessGone, session: Session, time: float | None, _: Reading) -> None:
        if self._sessions.gone(fact, session, time):
            self._rounds.session_ended(session, fact.pid, time, gone=fact.reason)
            self._sessions.changed(session)

    def _call(self, fact: ToolCallStarted | ToolCallEnded, session: Session, time: float | None, _: Reading) -> None:
        round_id = self._rounds.touch(fact, session, time)
        if isinstance(fact, ToolCallStarted):
            self._calls.started(fact, round_id, time)
            self._rounds.works_on(round_id, session, time)
        else:
            self._calls.ended(fact, round_id, time)
        self._sessions.goes_on(session, time, fact.tool_use_id)

    def _waits(self, fact: Waiting, session: Session, time: float | None, _: Reading) -> None:
        call = fact.tool_use_id or self._calls.waiting(fact.sid, fact.tool_name, fact.tool_input)
        self._rounds.touch(fact, session, time)
        self._sessions.waits(fact, session, time, call)

    def _failed(self, fact: ErrorReported, session: Session, time: float | None, reading: Reading) -> None:
        self._notes.error(fact, reading, self._rounds.touch(fact, session, time), time)

    def _lives(self, fact: AgentFact, session: Session, time: float | None, _: Reading) -> None:
        self._rounds.touch(fact, session, time)


Way: TypeAlias = Callable[[Agents, Any, Session, float | None, Reading], None]

WAYS: Mapping[type, Way] = {
    PromptSubmitted: Agents._prompted,
    RoundStarted: Agents._round_started,
    RoundEnded: Agents._round_ended,
    BlockDelta: Agents._delta,
    MessageStarted: Agents._begun,
    MessageEnded: Agents._ended,
    BlockStarted: Agents._started,
    BlockCompleted: Agents._completed,
    BlockReceived: Agents._received,
    ToolResultReceived: Agents._answered,
    UsageReported: Agents._used,
    SessionObserved: Agents._observed,
    SessionStarted: lambda self, fact, session, time, _: self._sessions.started(fact, session, time),
    SessionEnded: Agents._session_ended,
    ProcessSeen: lambda self, fact, session, time, _: self._sessions.seen(fact, session, time),
    ProcessGone: Agents._gone,
    ToolCallStarted: Agents._call,
    ToolCallEnded: Agents._call,
    Waiting: Agents._waits,
    ErrorReported: Agents._failed,
    Activity: Agents._lives,
    Unknown: Agents._lives,
    ContextCompacted: Agents._lives,
}
"""What is done with a fact of a session, by its type."""
