"""One pass over the process table, on a worker thread: it reads, and returns what it found."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from eventsrc.limits import WATCHED_PROCESSES
from eventsrc.liveness.identity import Boot, Found, Presence, Processes
from eventsrc.liveness.sight import Watched


class Survey(msgspec.Struct, frozen=True):
    """What one pass found. Whoever gets it owns the descriptors in `fds`."""

    boot: Boot
    watched: list[Watched]
    found: dict[int, Found]
    """By pid; those that were held, and so needed no look, are missing."""
    fds: dict[int, int]
    """pid → descriptor of a process that runs and was not held yet."""
    left_out: int
    """Watched processes beyond `WATCHED_PROCESSES`."""


def survey(
    watched: Callable[[], Sequence[Watched]],
    processes: Processes,
    held: AbstractSet[int],
    ended: AbstractSet[int],
    room: int,
) -> Survey:
    """Looks at all that is `watched` except what is `held`, and holds up to `room` more. The `ended` ones are only
    looked at: their number may still show how they ended, or belong to somebody else already."""
    everyone = sorted(watched(), key=lambda one: one.seen_time, reverse=True)
    kept = everyone[:WATCHED_PROCESSES]
    boot = processes.boot()
    found: dict[int, Found] = {}
    fds: dict[int, int] = {}
    for pid in {one.pid for one in kept} - held:
        if pid in ended or len(fds) >= room:
            found[pid] = processes.find(pid, boot)
            continue
        found[pid], fd = capture(processes, pid, boot)
        if fd is not None:
            fds[pid] = fd
    return Survey(boot, kept, found, fds, len(everyone) - len(kept))


def capture(processes: Processes, pid: int, boot: Boot) -> tuple[Found, int | None]:
    """What runs under a pid together with a descriptor of exactly that: first held, then read, then still running, so
    no other process can have come between."""
    fd = processes.hold(pid)
    found = processes.find(pid, boot)
    if fd is None:
        return found, None
    if found.presence is Presence.RUNNING and not _readable(fd):
        return found, fd
    os.close(fd)
    return found if found.presence is not Presence.RUNNING else processes.find(pid, boot), None


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
