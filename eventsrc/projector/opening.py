"""The feed of a real data directory: its log and the installed formats."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from eventsrc.formats.catalogue import Formats, join
from eventsrc.log import LogReader
from eventsrc.projector.feed import Feed, Parts


def log_parts(directory: Path) -> Parts:
    """Opens the log of a data directory for reading and loads the formats; worker processes call it, too."""
    return LogReader(directory), Formats.load(), join


def open_feed(directory: Path, *, workers: int | None = None) -> Feed:
    """One per process and data directory, shared by its projectors. `workers`: see `Feed`."""
    return Feed(partial(log_parts, directory), workers=workers)
