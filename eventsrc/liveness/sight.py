"""What the prober has to tell, and the records that tell it. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from eventsrc.event import Envelope, Record
from eventsrc.liveness.identity import Found, Presence, Verdict

SEEN = "eventsrc.process.seen"
GONE = "eventsrc.process.gone"


class Watched(msgspec.Struct, frozen=True):
    """A process that a session says it runs in. One process may serve several sessions."""

    sid: str
    pid: int
    seen_time: float
    """When the latest record that names this pid was written: seconds since the epoch."""
    agent: str = ""
    process_started: float | None = None
    """Start time as told by an earlier `eventsrc.process.seen`, or by the producer; None when unknown."""
    boot_id: str = ""
    """Boot of that earlier sight; "" when unknown."""


class Sight(msgspec.Struct, frozen=True):
    """Something worth an event about one watched process."""

    watched: Watched
    boot_id: str
    alive: bool
    started: float | None
    """Start time of the process that is meant, never that of another one with its number."""
    reason: str = ""
    exit_code: int | None = None


def news(watched: Watched, verdict: Verdict, found: Found, boot_id: str, told: Sight | None) -> Sight | None:
    """What to tell after a look, given what was `told` before about this (sid, pid); None when there is nothing new."""
    if verdict is Verdict.INVISIBLE:
        return None
    if verdict is Verdict.ALIVE:
        same = told is not None and told.alive and told.started == found.started
        return None if same else Sight(watched, boot_id, True, found.started)
    if told is not None and not told.alive:
        return None
    ended = verdict is Verdict.GONE and found.presence is Presence.ENDED
    before = told.started if told is not None else watched.process_started
    started = before if before is not None or not ended else found.started
    reason = "exited" if ended else verdict.value
    return Sight(watched, boot_id, False, started, reason, found.exit_code if ended else None)


def record_of(sight: Sight) -> Record:
    """The record of a sight. It holds no time of its own and its id is made from its content, so that the same sight
    after a restart is the same event; when it was seen is when the log recorded it."""
    watched = sight.watched
    data: dict[str, str | int | float | None] = {
        "sid": watched.sid,
        "pid": watched.pid,
        "agent": watched.agent,
        "boot_id": sight.boot_id,
        "process_started": sight.started,
    }
    if not sight.alive:
        data |= {"reason": sight.reason, "exit_code": sight.exit_code}
    encoded = msgspec.json.encode(data)
    # Without a start time, two processes with one number would look alike: the record that named them tells them apart.
    which = "" if sight.started is not None else repr(watched.seen_time)
    kind = SEEN if sight.alive else GONE
    return Record(
        source=f"urn:eventsrc:liveness:{sight.boot_id}",
        data=encoded,
        id=hashlib.sha256(b"\0".join((kind.encode(), which.encode(), encoded))).hexdigest()[:32],
        envelope=Envelope(kind, f"session/{watched.sid}"),
        unique=True,
    )
