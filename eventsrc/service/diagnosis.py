"""How recording stands, for the person who wants to go on from somewhere. Blocks; works with and without a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsrc.clock import Clock, parse_time
from eventsrc.errors import EventsrcError
from eventsrc.event import Event, Position
from eventsrc.limits import READ_EVENTS, RECENT_EVENTS, RECENT_SECONDS
from eventsrc.log import LogReader
from eventsrc.service.asking import read_models
from eventsrc.service.checkpoints import checkpoints
from eventsrc.service.heartbeat import BEAT
from eventsrc.service.offline import client, status_of_files


def diagnosis(data: Path, clock: Clock) -> dict[str, Any]:
    """The shape of `recover --diagnostics --json`. Ages are seconds; `recording` is whether a service runs. Raises
    `NoStore`, `LogCorrupt`."""
    service = client(data)
    running = service.running()
    status = service.request("GET", "/v1/status") if running else status_of_files(data)
    now = clock.now()
    lately, last = _lately(LogReader(data), status["head"], now)
    kept = checkpoints(data).all()
    made = parse_time(kept[0]["created"]) if kept else None
    return {
        "data": str(data),
        "recording": running,
        "pid": status["pid"],
        "unhealthy": status["unhealthy"],
        "head": status["head"],
        "log_bytes": status["log_bytes"],
        "lately": lately,
        "last_event": last,
        "messages": _messages(data),
        "read_models": {
            name: {key: one[key] for key in ("state", "lag_events", "dead_letters")}
            for name, one in status["projections"].items()
        },
        "checkpoints": len(kept),
        "checkpoint_bytes": sum(one["bytes"] for one in kept),
        "checkpoint_age": None if made is None else max(0.0, now - made),
        "folders": {name: str(data / name) for name in ("log", "read", "checkpoints")},
    }


def _lately(reader: LogReader, head: Position, now: float) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Events of the last `limits.RECENT_SECONDS`, and the newest one; beats of the service are neither."""
    count, until, last = 0, head, None
    while until and head - until < RECENT_EVENTS:
        after = max(0, until - READ_EVENTS)
        events = [event for event in _all(reader, after, until) if event.type != BEAT]
        if events and last is None:
            newest = events[-1]
            last = {"position": newest.position, "type": newest.type, "age": max(0.0, now - _recorded(newest))}
        recent = sum(now - _recorded(event) < RECENT_SECONDS for event in events)
        count += recent
        until = after
        if events and recent < len(events):
            break
    return {"seconds": RECENT_SECONDS, "events": count, "is_all": head - until < RECENT_EVENTS}, last


def _all(reader: LogReader, after: Position, until: Position) -> list[Event]:
    """A read may end early where lines are long."""
    found: list[Event] = []
    while after < until:
        found += reader.read(after, until=until)
        after = found[-1].position
    return found


def _messages(data: Path) -> dict[str, Any] | None:
    """Messages between agents; None without their read model."""
    try:
        (row,) = read_models(data).ask("conversations", "report_totals").objects()
    except EventsrcError:
        return None
    recorded, observations = row["recorded"] or 0, row["observations"] or 0
    assert isinstance(recorded, int) and isinstance(observations, int)
    return {
        "recorded": recorded,
        "duplicates": observations - recorded,
        "empty": row["empty"],
        "rejected": row["rejected"],
        "rules": row["rules"],
    }


def _recorded(event: Event) -> float:
    return parse_time(event.recordedtime) or 0.0
