"""When every byte of the log was last checked, and what came of it: a note beside the log, for `doctor`.

<data>/verified.json                     derived from nothing; without it nobody knows, and nothing breaks
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from eventsrc.clock import Clock
from eventsrc.durable import Disk, write_file
from eventsrc.log.fsck import Verdict


class Verified(msgspec.Struct, frozen=True):
    """One check of the whole log."""

    time: float
    """Seconds since the epoch, when it was finished."""
    ok: bool
    segments: int
    events: int
    problems: int


def note(data: Path, verdict: Verdict, disk: Disk, clock: Clock) -> Verified:
    """Replaces the note of a data directory. Raises OSError where it cannot be written."""
    made = Verified(clock.now(), verdict.ok, verdict.segments, verdict.events, len(verdict.problems))
    write_file(disk, str(_path(data)), msgspec.json.encode(made) + b"\n")
    return made


def last(data: Path) -> Verified | None:
    """The note of a data directory; None when there is none, or none that can be read."""
    try:
        return msgspec.json.decode(_path(data).read_bytes(), type=Verified)
    except (OSError, msgspec.DecodeError):
        return None


def _path(data: Path) -> Path:
    return data / "verified.json"
