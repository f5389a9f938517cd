"""The events that the service writes itself: what it saw outside (law L9).

Only what is seen of processes means something to a session, and a load to its experiment. The rest (a file was
rewritten, a record was refused, a branch was begun …) is there for people and for `raw`: no facts. `eventsrc.record`,
however, is a record that no format knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from eventsrc.plugin import (
    PREVIEW_CHARS,
    Envelope,
    Event,
    ExperimentLoaded,
    ExperimentProcess,
    Fact,
    MachineWoke,
    ProcessGone,
    ProcessSeen,
    Record,
    SessionObserved,
    SessionStarted,
    Unknown,
    parse_time,
)


class _Process(msgspec.Struct, frozen=True):
    sid: str
    pid: int
    agent: str = ""
    boot_id: str = ""
    process_started: float | None = None
    reason: str = "gone"
    exit_code: int | None = None


class _Loaded(msgspec.Struct, frozen=True):
    experiment_id: str
    rows: int = 0
    rejected: int = 0
    through: int = 0


class _Launched(_Process, frozen=True):
    cwd: str = ""
    command: list[str] = []


class _Woke(msgspec.Struct, frozen=True):
    seconds: float


class Own:
    """`eventsrc.process.seen` and `.gone`, `eventsrc.launch.started` and `.ended`, `eventsrc.experiment.loaded`, and
    the service's other types."""

    name: ClassVar[str] = "own"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = ("eventsrc.",)

    def recognise(self, record: Record) -> Envelope | None:
        """Never: the service gives its own records their envelope. One that only looks like them is a stranger's."""
        return None

    def read(self, event: Event) -> Sequence[Fact]:
        match event.type:
            case "eventsrc.process.seen":
                return [_seen(event)]
            case "eventsrc.process.gone":
                return [_gone(event)]
            case "eventsrc.experiment.loaded":
                return [_loaded(event)]
            case "eventsrc.launch.started":
                return _launched(event)
            case "eventsrc.launch.ended":
                return [_gone(event)]
            case "eventsrc.machine.woke":
                return [MachineWoke(time=_when(event), seconds=msgspec.json.decode(event.data, type=_Woke).seconds)]
            case "eventsrc.record":
                return [Unknown(what=event.type)]
            case _:
                return []


EXPERIMENT = "experiment"
"""Stands for the agent where the process of an experiment is watched; then `sid` is the experiment's id."""


def _experiment(process: _Process, event: Event, alive: bool) -> Fact:
    return ExperimentProcess(
        experiment_id=process.sid,
        time=_when(event),
        pid=process.pid,
        alive=alive,
        process_started=process.process_started,
        boot_id=process.boot_id,
    )


def _seen(event: Event) -> Fact:
    process = msgspec.json.decode(event.data, type=_Process)
    if process.agent == EXPERIMENT:
        return _experiment(process, event, alive=True)
    return ProcessSeen(
        sid=process.sid,
        pid=process.pid,
        agent=process.agent,
        time=_when(event),
        boot_id=process.boot_id,
        process_started=process.process_started,
    )


def _gone(event: Event) -> Fact:
    process = msgspec.json.decode(event.data, type=_Process)
    if process.agent == EXPERIMENT:
        return _experiment(process, event, alive=False)
    return ProcessGone(
        sid=process.sid,
        pid=process.pid,
        agent=process.agent,
        time=_when(event),
        reason=process.reason,
        process_started=process.process_started,
        exit_code=process.exit_code,
    )


def _loaded(event: Event) -> Fact:
    loaded = msgspec.json.decode(event.data, type=_Loaded)
    return ExperimentLoaded(
        experiment_id=loaded.experiment_id,
        time=_when(event),
        rows=loaded.rows,
        rejected=loaded.rejected,
        through=loaded.through,
    )


def _launched(event: Event) -> list[Fact]:
    """A session of its own: what the agent says about itself comes under the id that the agent uses."""
    process = msgspec.json.decode(event.data, type=_Launched)
    who: dict[str, Any] = {"sid": process.sid, "pid": process.pid, "agent": process.agent, "time": _when(event)}
    start = SessionStarted(**who, source="launch", process_started=process.process_started)
    about = SessionObserved(**who, cwd=process.cwd, title=" ".join(process.command)[:PREVIEW_CHARS])
    return [start, _seen(event), about]


def _when(event: Event) -> float | None:
    """A sight was seen when it was recorded."""
    return parse_time(event.time or event.recordedtime)
