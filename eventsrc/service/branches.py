"""Branches of one data directory: beginning them, beside a running service or without one, and listing them. Blocks."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import msgspec

from eventsrc import store
from eventsrc.branch import SOURCE, STREAM, TYPE, Begun, Branch, branches_of
from eventsrc.checkpoint.create import check_label
from eventsrc.durable import SystemDisk
from eventsrc.event import Position
from eventsrc.log import LogReader
from eventsrc.service.checkpoints import checkpoints
from eventsrc.service.here import checkpoint_here
from eventsrc.service.offline import client
from eventsrc.service.pieces import Choice, given_out, put

CHECKPOINT_SECONDS = 600.0  # as `checkpoint create` waits: copying large read models takes its time


def branches(data: Path) -> list[Branch]:
    """Every branch, newest first; the newest is the one that goes on."""
    reader = LogReader(data)
    return branches_of(reader.stream(STREAM), reader.head())


def begin(
    data: Path, checkpoint: str, name: str | None, choice: Choice | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Begins a branch whose base is a checkpoint (id, its beginning, label or `latest`); with `out`, gives the chosen
    conversation out there first. Returns the shape of `recover --load --json`.

    Raises `NotFound`, `NotThisLog` (the log holds something else up to there), `CheckpointBroken`, `CannotWrite`,
    `UsageError`, and what an append raises; then there is no branch, and nothing of what was given out is left."""
    check_label(name)
    kept = checkpoints(data)
    meta = kept.check(checkpoint)
    id_ = uuid.uuid4().hex[:8]
    begun = Begun(id_, name, meta["position"], meta["id"], meta["label"], meta["digest"])
    if out is None:
        return _told(data, begun, _record(data, begun), None)
    given = given_out(data, meta, begun, choice)
    paths = put(given, out, SystemDisk())
    begun = msgspec.structs.replace(begun, files=tuple(str(path) for path in paths))
    try:
        position = _record(data, begun)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    return _told(data, begun, position, given.about)


def begin_new(data: Path, name: str | None) -> dict[str, Any]:
    """Begins a branch that builds on nothing. What there was is in a checkpoint of its own, made now unless the newest
    one is of this very moment. Returns the shape of `recover --new --json`."""
    check_label(name)
    latest = checkpoints(data).latest()
    if latest is None or latest["position"] != LogReader(data).head():
        service = client(data)
        if service.running():
            latest = service.request("POST", "/v1/checkpoint", {"label": None}, seconds=CHECKPOINT_SECONDS)
        else:
            latest = checkpoint_here(data, None)
    assert latest is not None
    begun = Begun(uuid.uuid4().hex[:8], name, 0)
    told = _told(data, begun, _record(data, begun), None)
    return {**told, "kept": latest["id"]}


def _record(data: Path, begun: Begun) -> Position:
    """Durable when it returns. A running service has the log, so it is asked."""
    body = msgspec.json.encode(begun)
    service = client(data)
    if service.running():
        head = {"ce-specversion": "1.0", "ce-id": begun.branch, "ce-source": SOURCE, "ce-type": TYPE}
        head |= {"ce-subject": STREAM, "content-type": "application/json"}
        answer = service.push("/v1/events", body, head)
        return int(answer["first"])
    with store.open(data, create=False) as log:
        first = log.append([body], subject=STREAM, type=TYPE, source=SOURCE, ids=[begun.branch]).first
    assert first is not None
    return first


def _told(data: Path, begun: Begun, position: Position, about: dict[str, Any] | None) -> dict[str, Any]:
    left = max(0, position - 1 - begun.base_position)
    return {**msgspec.to_builtins(begun), "position": position, "left_behind": left, "conversation": about}
