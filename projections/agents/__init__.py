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

import msgspec

from eventsrc.plugin import (
    Activity,
    AgentFact,
    AgentFactBase,
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ContextCompacted,
    ErrorReported,
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
from projections.agents.usage import Usages

__all__ = ["Agents"]

QUIET = (ProcessSeen, ProcessGone, SessionEnded)
"""Facts that are no sign of life of a run."""


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
        for fact in reading.facts:
            if isinstance(fact, AgentFactBase) and fact.sid:
                self._fold(fact, reading)
            elif isinstance(fact, MachineWoke):
                self._notes.woke(fact, reading)
            if isinstance(fact, SessionObserved) and fact.title_of and not fact.sid:
                self._entitle(fact)

    def flush(self) -> None:
        """Writes what changed."""
        parts = (self._sessions, self._rounds, self._flows, self._results, self._usage, self._calls, self._titles)
        for part in (*parts, self._notes):
            part.flush()

    def _fold(self, fact: AgentFact, reading: Reading) -> None:
        time = self._sessions.time_of(fact)
        if time is None and isinstance(fact, QUIET):
            time = parse_time(reading.recorded)
        session = self._sessions.of(fact, None if isinstance(fact, ProcessSeen) else time)
        if type(fact) is BlockDelta:  # nine of ten
            self._delta(fact, session, time)
            return
        if not isinstance(fact, (*QUIET, SessionStarted)):
            self._sessions.run_of(fact, session, time)
        if isinstance(fact, PromptSubmitted):
            self._rounds.prompted(fact, session, time)
            self._titles.seen(fact.prompt_id, fact.sid)
            self._sessions.goes_on(session, time)
            self._sessions.changed(session)
        elif isinstance(fact, RoundEnded):
            self._rounds.touch(fact, session, time)
            self._rounds.ended(fact, session, time)
            self._sessions.goes_on(session, time)
            self._sessions.changed(session)
        elif isinstance(fact, RoundStarted):
            self._rounds.begun(fact, session, time)
            self._rounds.touch(fact, session, time)
        elif isinstance(fact, MESSAGE_FACTS):
            self._message(fact, session, time, reading.source)
        else:
            self._around(fact, session, time, reading)

    def _delta(self, fact: BlockDelta, session: Session, time: float | None) -> None:
        last = fact.last_time
        if last is None:
            last = time if fact.last_local is None else fact.last_local - (session.zone_offset or 0.0)
        session = self._sessions.of(fact, last)
        self._sessions.run_of(fact, session, last)
        round_id = self._rounds.touch(fact, session, last)
        self._flows.delta(fact, round_id, time, last)

    def _message(self, fact: AgentFact, session: Session, time: float | None, source: str) -> None:
        """Messages, blocks, results and tokens, all within the round that goes on."""
        round_id = self._rounds.touch(fact, session, time)
        if isinstance(fact, MessageStarted):
            self._begun(fact, self._round_of_agent(fact, session) or round_id, time)
            if fact.role == "assistant" and not fact.is_sidechain:
                self._rounds.answered(round_id, session)
                self._answers(session, time)
        elif isinstance(fact, MessageEnded):
            self._flows.message_ended(fact, round_id, time)
        elif isinstance(fact, UsageReported):
            self._used(fact, session, time, source)
        elif isinstance(fact, ToolResultReceived):
            self._results.received(fact, self._flows.tool(fact.tool_use_id), time)
            self._calls.answered(fact, time)
            self._sessions.goes_on(session, time, fact.tool_use_id)
        else:
            self._block(fact, session, round_id, time)
        if session.held_prompt is not None or isinstance(fact, BlockReceived | MessageStarted):
            self._sessions.changed(session)

    def _round_of_agent(self, fact: MessageStarted, session: Session) -> str | None:
        """The round of the tool call that set a sub-agent to work, where it is known: its own file may be read when
        the session is long past that round."""
        if not fact.is_sidechain:
            return None
        call = fact.parent_tool_use_id or self._sessions.call_of_agent(session, fact.agent_id)
        block = self._flows.tool(call) if call else None
        return block.round_id if block is not None else None

    def _adopt(self, fact: SessionObserved, session: Session) -> None:
        """The same for what was told of before a record named the call: files are read in any order."""
        for name, call in fact.metadata.items():
            agent_id = name.removeprefix("agent.").removesuffix(".tool_use_id")
            block = self._flows.tool(call) if name == f"agent.{agent_id}.tool_use_id" else None
            if block is not None and block.round_id is not None:
                self._flows.adopt(session.sid, agent_id, block.round_id)

    def _begun(self, fact: MessageStarted, round_id: str | None, time: float | None) -> None:
        moved = self._flows.message_started(fact, round_id, time)
        for block in moved:
            if block.tool_use_id:
                self._results.called(block)
        if moved:
            self._usage.moved((fact.message_id, fact.request_id), moved[0].flow_id)

    def _block(self, fact: AgentFact, session: Session, round_id: str | None, time: float | None) -> None:
        if isinstance(fact, BlockStarted):
            block = self._flows.started(fact, round_id, time)
        elif isinstance(fact, BlockCompleted):
            block = self._flows.completed(fact, round_id, time)
        else:
            assert isinstance(fact, BlockReceived)
            self._titles.seen(fact.key.rpartition("#")[0], fact.sid)
            received = self._flows.received(fact, round_id, time)
            if received is None:
                return
            block = received
            message = self._flows.message_of(block.flow_id)
            if message is not None and message.role == "assistant" and not message.is_sidechain:
                self._rounds.says(message.round_id, fact.block_type)
            if block.block_type == "tool_use":
                self._rounds.works_on(round_id, session, time)
        if block.tool_use_id:
            self._results.called(block)

    def _call(self, fact: ToolCallStarted | ToolCallEnded, session: Session, time: float | None) -> None:
        round_id = self._rounds.touch(fact, session, time)
        if isinstance(fact, ToolCallStarted):
            self._calls.started(fact, round_id, time)
            self._rounds.works_on(round_id, session, time)
        else:
            self._calls.ended(fact, round_id, time)
        self._sessions.goes_on(session, time, fact.tool_use_id)

    def _answers(self, session: Session, time: float | None) -> None:
        """The model says something after a person was waited for: so it was answered, whatever told of that."""
        if session.waiting_reason is not None and time is not None and time > (session.waiting_time or time):
            self._sessions.goes_on(session, time)

    def _entitle(self, fact: SessionObserved) -> None:
        known = self._rounds.session_of(fact.title_of) or self._flows.session_of(f"{fact.title_of}#0")
        self._titles.told(fact, known)

    def _used(self, fact: UsageReported, session: Session, time: float | None, source: str) -> None:
        named = fact.message_id or fact.request_id
        if not named and fact.model is None:  # no message will tell: it is the model that the session goes on with
            fact = msgspec.structs.replace(fact, model=session.model)
        if not named and fact.rule != "largest":
            self._usage.counted(fact, time, source)
            return
        flow = self._flows.flow_of(fact.message_id, fact.request_id, bind=True) if named else None
        message = self._flows.message_of(flow) if flow else None
        name = fact.usage_id
        if message is not None and message.message_id and name in (fact.request_id, fact.message_id):
            name = message.message_id
        elif message is not None and message.message_id and name.startswith(f"{fact.message_id}#"):
            name = message.message_id + name.removeprefix(fact.message_id)
        self._usage.reported(fact, flow, name, time, source)

    def _around(self, fact: AgentFact, session: Session, time: float | None, reading: Reading) -> None:
        """What is seen around the agent."""
        if isinstance(fact, SessionObserved):
            before = session.metadata
            self._sessions.observed(fact, session)
            if fact.copy_of:
                self._usage.copied(fact.sid, fact.copy_of)
            if session.metadata != before:
                self._adopt(fact, session)
        elif isinstance(fact, SessionStarted):
            self._sessions.started(fact, session, time)
        elif isinstance(fact, SessionEnded):
            self._sessions.ended(fact, session, time)
            self._rounds.session_ended(session, fact.pid, time)
            self._sessions.changed(session)
        elif isinstance(fact, ProcessSeen):
            self._sessions.seen(fact, session, time)
        elif isinstance(fact, ProcessGone):
            if self._sessions.gone(fact, session, time):
                self._rounds.session_ended(session, fact.pid, time, gone=fact.reason)
                self._sessions.changed(session)
        elif isinstance(fact, ToolCallStarted | ToolCallEnded):
            self._call(fact, session, time)
        elif isinstance(fact, Waiting):
            call = fact.tool_use_id or self._calls.waiting(fact.sid, fact.tool_name, fact.tool_input)
            self._rounds.touch(fact, session, time)
            self._sessions.waits(fact, session, time, call)
        elif isinstance(fact, ErrorReported):
            self._notes.error(fact, reading, self._rounds.touch(fact, session, time), time)
        else:
            assert isinstance(fact, Activity | Unknown | ContextCompacted), f"a fact without a meaning here: {fact}"
            self._rounds.touch(fact, session, time)


MESSAGE_FACTS = (
    MessageStarted,
    MessageEnded,
    BlockStarted,
    BlockCompleted,
    BlockReceived,
    ToolResultReceived,
    UsageReported,
)
