"""Sessions, their runs, and the time of what happens in them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from eventsrc.plugin import AgentFact, ProcessGone, ProcessSeen, SessionEnded, SessionObserved, SessionStarted, Waiting
from projections.agents.rows import Run, Session
from projections.agents.table import Table

QUARTER = 900.0  # time zones differ by multiples of 15 minutes


class Sessions:
    """What is known of sessions and runs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._table = Table(connection, "sessions", Session)
        self._runs = Table(connection, "runs", Run, key=3)
        self._connection = connection
        self._current: dict[tuple[str, int], Run] = {}  # newest run of a process; a cache of `is_current`

    def of(self, fact: AgentFact, time: float | None) -> Session:
        """The session of a fact, touched by it; made when it is new."""
        row = self._table.rows.get(fact.sid) or self._table.get(fact.sid)
        if row is None:
            row = Session(fact.sid, fact.agent or None, start_time=time)
        elif fact.pid is None or fact.pid == row.pid:
            first, last = row.start_time, row.last_activity_time
            if time is None:
                return row
            if first is not None and last is not None and first <= time:
                if time <= last:
                    return row  # nothing that a row of sessions shows
                if row.agent is not None:
                    row.last_activity_time = time  # all that is new
                    self._table.changed[fact.sid] = row
                    return row
        if fact.agent and row.agent is None:
            row.agent = fact.agent
        if time is not None:
            row.start_time = time if row.start_time is None else min(row.start_time, time)
            row.last_activity_time = max(row.last_activity_time or time, time)
        if fact.pid is not None:
            row.pid = fact.pid
        return self._table.put(fact.sid, row)

    def changed(self, session: Session) -> None:
        """The row, which is one that was got here for a fact of this batch, was changed."""
        self._table.changed[session.sid] = session

    def time_of(self, fact: AgentFact) -> float | None:
        """When a fact happened, in UTC; local time is shifted by the offset that its producer is known by."""
        if fact.time is not None or fact.local is None:
            return fact.time
        row = self._table.rows.get(fact.sid) or self._table.get(fact.sid)
        offset = row.zone_offset if row is not None else None
        if fact.zone_hint is not None:
            found = round((fact.local - fact.zone_hint) / QUARTER) * QUARTER
            if found != offset:
                offset = found
                row = row or Session(fact.sid, fact.agent or None)
                row.zone_offset = found
                self._table.put(fact.sid, row)
        return fact.local - (offset or 0.0)

    def run_of(self, fact: AgentFact, session: Session, time: float | None, *, begins: bool = False) -> Run | None:
        """The run that a fact belongs to; None without a process. `begins`: an ended run is followed by a new one."""
        if fact.pid is None:
            return None
        run = self._current.get((fact.sid, fact.pid)) or self._newest(fact.sid, fact.pid)
        if run is None or (begins and run.end_time is not None):
            if run is not None:
                run.is_current = 0
                self._put(run)
            run = Run(fact.sid, fact.pid, time or session.start_time or 0.0, last_time=time or 0.0)
            self._current[fact.sid, fact.pid] = run
            if time is not None and session.end_time is not None and time <= session.end_time:
                run.end_time, run.exit_reason = session.end_time, "ended"  # its end was told of before it
            else:
                session.is_active, session.end_time = 1, None
                self.changed(session)
            self._put(run)
        elif time is not None and time > run.last_time:
            run.last_time = time
            self._runs.changed[run.sid, run.pid, run.start_time] = run
        return run

    def observed(self, fact: SessionObserved, session: Session) -> None:
        """Attributes: the last value wins; a title only against one of lower or equal rank."""
        if (
            fact.cwd != session.cwd
            or fact.version != session.version
            or fact.git_branch != session.git_branch
            or (fact.model is not None and fact.model != session.model)
            or fact.parent_sid is not None
        ):  # seldom: most records say again what is known
            for name in ("cwd", "git_branch", "version", "parent_sid", "model"):
                value = getattr(fact, name)
                if value is not None and value != getattr(session, name):
                    setattr(session, name, value)
                    self.changed(session)
        if fact.title is not None and fact.title_rank >= session.title_rank:
            session.title, session.title_rank = fact.title, fact.title_rank
            self.changed(session)
        if fact.metadata:
            known: dict[str, str] = json.loads(session.metadata)
            if not fact.metadata.items() <= known.items():
                session.metadata = json.dumps({**known, **fact.metadata}, sort_keys=True)
                self.changed(session)

    def started(self, fact: SessionStarted, session: Session, time: float | None) -> None:
        """A process took the session up."""
        run = self.run_of(fact, session, time, begins=True)
        if run is not None and fact.process_started is not None:
            run.process_started = fact.process_started
            self._put(run)

    def ended(self, fact: SessionEnded, session: Session, time: float | None) -> None:
        """A run ended by itself."""
        self._end(fact, session, time, fact.reason or "ended")

    def seen(self, fact: ProcessSeen, session: Session, time: float | None) -> None:
        """A watched process is alive."""
        run = self.run_of(fact, session, None)
        if run is not None:
            run.process_started, run.boot_id = fact.process_started, fact.boot_id or None
            self._put(run)

    def gone(self, fact: ProcessGone, session: Session, time: float | None) -> bool:
        """A watched process is no longer there; False when its run had ended already."""
        run = self._newest(fact.sid, fact.pid) if fact.pid is not None else None
        if run is None or run.end_time is not None:
            return False
        run.exit_code = fact.exit_code
        self._end(fact, session, time, fact.reason)
        return True

    def waits(self, fact: Waiting, session: Session, time: float | None, call: str | None) -> None:
        """The agent waits for a person, with a call of a tool where one is known, or does so no more."""
        if not fact.waiting:
            self.goes_on(session, time, fact.tool_use_id)
            return
        if time is not None and session.went_on_time is not None and time < session.went_on_time:
            return  # told late: that is over
        if session.waiting_reason is not None and call is None:
            return  # a notice of what is known already, and better
        session.waiting_reason, session.waiting_tool = fact.reason or "waiting", call
        session.waiting_time = time
        self.changed(session)

    def goes_on(self, session: Session, time: float | None, tool_use_id: str | None = None) -> None:
        """A prompt, the end of a round, a tool that begins or ends: nobody is waited for any more, unless for another
        tool, or since."""
        if session.waiting_reason is not None:
            if tool_use_id and session.waiting_tool not in (None, tool_use_id):
                return
            if time is not None and session.waiting_time is not None and time < session.waiting_time:
                return
            session.waiting_reason = session.waiting_tool = session.waiting_time = None
            self.changed(session)
        if time is not None and (session.went_on_time is None or time > session.went_on_time):
            session.went_on_time = time
            self.changed(session)

    def answers(self, session: Session, time: float | None) -> None:
        """The model says something after a person was waited for: so it was answered, whatever told of that."""
        if session.waiting_reason is not None and time is not None and time > (session.waiting_time or time):
            self.goes_on(session, time)

    def entitle(self, sid: str, title: str, rank: int) -> None:
        """A title that was told without naming the session."""
        session = self._table.get(sid)
        if session is not None and rank >= session.title_rank:
            session.title, session.title_rank = title, rank
            self.changed(session)

    def call_of_agent(self, session: Session, agent_id: str | None) -> str | None:
        """The tool call that started a sub-agent, as far as a record told; see `SessionObserved.metadata`."""
        if agent_id is None:
            return None
        found: object = json.loads(session.metadata).get(f"agent.{agent_id}.tool_use_id")
        return found if isinstance(found, str) else None

    def flush(self) -> None:
        """Writes what changed."""
        self._table.flush()
        self._runs.flush()
        if len(self._current) > 10_000:
            self._current.clear()

    def _end(self, fact: AgentFact, session: Session, time: float | None, reason: str) -> None:
        run = self._newest(fact.sid, fact.pid) if fact.pid is not None else None
        if run is not None and run.end_time is None:
            run.end_time, run.exit_reason = time if time is not None else run.last_time, reason
            self._put(run)
        if run is None or session.pid == run.pid:
            session.is_active = 0
            session.end_time = time
            session.waiting_reason = session.waiting_tool = session.waiting_time = None
            self.changed(session)

    def _newest(self, sid: str, pid: int) -> Run | None:
        run = self._current.get((sid, pid))
        if run is None:
            run = self._runs.find("sid = ? AND pid = ? AND is_current = 1", (sid, pid))
            if run is not None:
                self._current[sid, pid] = run
        return run

    def _put(self, run: Run) -> None:
        self._runs.put((run.sid, run.pid, run.start_time), run)


def open_rounds(session: Session) -> list[str]:
    """Rounds of the session that have a prompt and no end."""
    if session.open_rounds == "[]":
        return []
    found: list[Any] = json.loads(session.open_rounds)
    return [str(one) for one in found]
