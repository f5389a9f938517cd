"""One launch from its beginning to its end."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from eventsrc.errors import EventsrcError, NotDelivered
from eventsrc.http import Client
from eventsrc.launch.background import ensure_running
from eventsrc.launch.child import run_child
from eventsrc.launch.told import Told
from eventsrc.limits import LAUNCH_CHECKPOINT_SECONDS, LAUNCH_READY_SECONDS
from eventsrc.liveness import identify

VARIABLE = "EVENTSRC_LAUNCH"
"""Tells the agent, and its hooks, which launch they belong to."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be run, and where it is recorded."""

    command: Sequence[str]
    place: Path
    """The data directory."""
    options: Sequence[str] = ()
    """For `eventsrc serve`, should it have to be started."""
    label: str | None = None
    """Of the checkpoint at the end; without one it is pruned like the automatic ones."""


def launch(plan: Plan, say: Callable[[str], None]) -> int:
    """Runs the command; returns its exit status as a shell has it (128 + n for signal n).

    `say` hears what a person should know. Raises RecorderFailed before the agent runs, CannotRun."""
    recorder = ensure_running(plan.place, plan.options, say)
    identity = uuid.uuid4().hex[:16]
    told = Told(identity, recorder)
    about: dict[str, object] = {"sid": f"launch-{identity}", "agent": Path(plan.command[0]).name}

    def started(pid: int) -> None:
        seen = identify(pid)
        about.update(pid=pid, process_started=seen.start_time if seen else None, boot_id=seen.boot_id if seen else "")
        told.tell("started", **about, command=list(plan.command), cwd=str(Path.cwd()), launcher=os.getpid())

    code = run_child(plan.command, {**os.environ, VARIABLE: identity}, started)
    told.tell("ended", **about, reason="exited", exit_code=code)
    _finish(plan, recorder, told, say)
    return 128 - code if code < 0 else code


def _finish(plan: Plan, recorder: Client, told: Told, say: Callable[[str], None]) -> None:
    """The agent has ended: nothing here changes its exit status any more."""
    try:
        if told.send():
            recorder = ensure_running(plan.place, plan.options, say)  # it died, or hung, meanwhile
        _insist(told)
        recorder.request("POST", "/v1/checkpoint", {"label": plan.label}, seconds=LAUNCH_CHECKPOINT_SECONDS)
    except EventsrcError as error:
        say(f"the end of the agent is not fully recorded: {error}")


def _insist(told: Told) -> None:
    deadline = time.monotonic() + LAUNCH_READY_SECONDS
    while reason := told.send():
        if time.monotonic() > deadline:
            raise NotDelivered(reason=reason)
        time.sleep(0.1)
