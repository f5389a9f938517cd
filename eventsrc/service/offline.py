"""What can be told and asked without a running service, from the files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.errors import EventsrcError, NoStore
from eventsrc.http.client import Client
from eventsrc.log import LogReader
from eventsrc.projector import discover
from eventsrc.query import ReadModels
from eventsrc.service.checkpoints import Checkpoints
from eventsrc.service.figures import states_of
from eventsrc.service.models import asked
from eventsrc.service.status import status_of


def client(data: Path) -> Client:
    """The running service of a data directory, if there is one."""
    return Client(data / "eventsrc.sock")


def read_models(data: Path) -> ReadModels:
    """Questions to the read models of a data directory."""
    if not (data / "log").is_dir():
        raise NoStore(path=data)
    return asked(data)


def checkpoints(data: Path) -> Checkpoints:
    """The checkpoints of a data directory."""
    if not (data / "log").is_dir():
        raise NoStore(path=data)
    return Checkpoints(data, SystemDisk(), SystemClock())


def status_of_files(data: Path) -> dict[str, Any]:
    """`status --json` when nothing runs. Raises NoStore when there is no log."""
    if not (data / "log").is_dir():
        raise NoStore(path=data)
    head = LogReader(data).head()
    models = asked(data, discover())
    projections: dict[str, Any] = {}
    for name in models.names():
        try:
            fresh = models.freshness(name, head)
        except EventsrcError as error:
            projections[name] = _missing(head, str(error))
            continue
        projections[name] = {
            "state": "live",
            "reason": "",
            "position": fresh.position,
            "lag_events": fresh.lag_events,
            "generation": fresh.generation,
            "dead_letters": fresh.dead_letters,
        }
    latest = checkpoints(data).latest()
    states = states_of(models, SystemClock().now())
    return status_of(data, head=head, projections=projections, sources=[], checkpoint=latest, states=states)


def _missing(head: int, reason: str) -> dict[str, Any]:
    return {
        "state": "missing",
        "reason": reason,
        "position": 0,
        "lag_events": head,
        "generation": 0,
        "dead_letters": 0,
    }
