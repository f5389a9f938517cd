"""What the running service says of itself, asked once for all checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from eventsrc.errors import EventsrcError
from eventsrc.limits import CONNECT_SECONDS
from eventsrc.service.offline import client

Status: TypeAlias = dict[str, Any]
"""The shape of `eventsrc status --json`."""


def ask(data: Path) -> Status | None:
    """None when nobody answers, or not in time."""
    try:
        found: Status = client(data).request("GET", "/v1/status", seconds=CONNECT_SECONDS)
    except EventsrcError:
        return None
    return found


def files(status: Status | None) -> list[dict[str, Any]]:
    """The followed files of a status: `path`, `behind_bytes`, `problem` …; empty without one."""
    found = status["sources"] if status else []
    return [one for one in found if one["kind"] in ("file", "whole")]
