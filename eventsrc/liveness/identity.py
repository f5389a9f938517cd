"""Who a process is, and what follows from what was found under its number. Pure."""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec

from eventsrc.limits import START_TOLERANCE_SECONDS


class Identity(msgspec.Struct, frozen=True):
    """What names one process, and no other one, on one machine."""

    boot_id: str
    pid: int
    start_time: float
    """Seconds since the epoch. Follows the wall clock when that is set, hence `START_TOLERANCE_SECONDS`."""


class Boot(msgspec.Struct, frozen=True):
    """The run of the machine that we are in."""

    id: str
    time: float
    """When it began: seconds since the epoch."""


class Presence(enum.Enum):
    """What the process table says about a number."""

    RUNNING = "running"
    ENDED = "ended"
    """A zombie: it has ended, and its parent has not asked how."""
    ABSENT = "absent"
    HIDDEN = "hidden"
    """Something has this number, but we may not see what (`hidepid`)."""


class Found(msgspec.Struct, frozen=True):
    """What was found under a pid."""

    presence: Presence
    started: float | None = None
    """Seconds since the epoch; None when absent or hidden."""
    exit_code: int | None = None
    """Of an ended one: its exit status, negative for a signal; None when we may not know."""


class Verdict(enum.Enum):
    """What can be said about the process that we mean."""

    ALIVE = "alive"
    GONE = "gone"
    REUSED = "reused"
    """Gone, and its number belongs to another process now."""
    REBOOTED = "rebooted"
    """Gone with everything else of an earlier run of the machine."""
    INVISIBLE = "invisible"
    """Unknown: neither alive nor gone can be said, so nothing is."""


class Processes(Protocol):
    """A process table. Methods block for microseconds."""

    def boot(self) -> Boot: ...

    def find(self, pid: int, boot: Boot) -> Found:
        """`boot`: what `boot()` said, asked once for many looks."""
        ...

    def hold(self, pid: int) -> int | None:
        """A descriptor that becomes readable when the process ends, and that the caller closes; None where there are
        none (then look again and again)."""
        ...

    def exit_code(self, fd: int) -> int | None:
        """How a held process ended, after its parent has asked; None when it cannot be known."""
        ...


def judge(
    found: Found, boot: Boot, *, expected_start: float | None = None, seen_time: float | None = None, boot_id: str = ""
) -> Verdict:
    """Is what was `found` the process that we mean?

    What we know about it, each optional: its start time, when it wrote a record (`seen_time`; a process that started
    later cannot have), the boot that it ran in. Times are seconds since the epoch.
    """
    if boot_id and boot_id != boot.id:
        return Verdict.REBOOTED
    known = [time for time in (seen_time, expected_start) if time is not None]
    if known and min(known) < boot.time - START_TOLERANCE_SECONDS:
        return Verdict.REBOOTED
    if found.presence is Presence.ABSENT:
        return Verdict.GONE
    if found.presence is Presence.HIDDEN or found.started is None:
        return Verdict.INVISIBLE
    if expected_start is not None and abs(found.started - expected_start) > START_TOLERANCE_SECONDS:
        return Verdict.REUSED
    if seen_time is not None and found.started > seen_time + START_TOLERANCE_SECONDS:
        return Verdict.REUSED
    return Verdict.GONE if found.presence is Presence.ENDED else Verdict.ALIVE
