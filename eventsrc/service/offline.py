"""What can be told and asked without a running service, from the files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsrc.clock import SystemClock
from eventsrc.errors import EventsrcError
from eventsrc.http.client import Client
from eventsrc.log import LogReader
from eventsrc.service.asking import read_models, states_of
from eventsrc.service.checkpoints import checkpoints
from eventsrc.service.status import status_of


def client(data: Path) -> Client:
    """The running service of a data directory, if there is one."""
    return Client(data / "eventsrc.sock")


def status_of_files(data: Path) -> dict[str, Any]:
    """`status --json` when nothing runs. Raises NoStore when there is no log."""
    models = read_models(data)
    head = LogReader(data).head()
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
