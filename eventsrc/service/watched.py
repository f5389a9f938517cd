"""Which processes the prober watches: what the read models say, without knowing any of them.

A projection that offers a question named `watched_processes` (columns `sid, pid, agent, seen_time, process_started,
boot_id`) has its answer watched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eventsrc.errors import EventsrcError
from eventsrc.limits import WATCHED_PROCESSES
from eventsrc.liveness import Watched
from eventsrc.query import ReadModels

QUESTION = "watched_processes"


def watched_processes(models: ReadModels) -> Callable[[], Sequence[Watched]]:
    """A function for the prober; it blocks while it asks. A read model that cannot answer now is asked again later."""

    def ask() -> Sequence[Watched]:
        found: list[Watched] = []
        for name in models.names():
            try:
                if any(question.name == QUESTION for question in models.questions(name)):
                    found += [_watched(row) for row in models.ask(name, QUESTION).objects()]
            except EventsrcError:  # not built yet, or being rebuilt
                continue
        return found[:WATCHED_PROCESSES]

    return ask


def _watched(row: Mapping[str, object]) -> Watched:
    started = row.get("process_started")
    return Watched(
        sid=str(row["sid"]),
        pid=int(str(row["pid"])),
        seen_time=float(str(row["seen_time"])),
        agent=str(row.get("agent") or ""),
        process_started=None if started is None else float(str(started)),
        boot_id=str(row.get("boot_id") or ""),
    )
