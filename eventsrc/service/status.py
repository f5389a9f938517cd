"""The shape of `eventsrc status --json`, for a running service and for files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from eventsrc.event import Position

if TYPE_CHECKING:
    from eventsrc.source import SourcePosition


def status_of(
    data: Path,
    *,
    head: Position,
    projections: Mapping[str, Any],
    sources: Sequence[SourcePosition],
    checkpoint: Mapping[str, Any] | None,
    states: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """Everything but whether a service runs. `states`: read model → state → how many. Looks at the segments' sizes;
    blocks."""
    sizes = [path.stat().st_size for path in (data / "log").glob("[0-9]*.jsonl")]
    return {
        "running": False,
        "pid": None,
        "data": str(data),
        "head": head,
        "log_bytes": sum(sizes),
        "segments": len(sizes),
        "projections": dict(projections),
        "sources": [msgspec.to_builtins(place) for place in sources],
        "checkpoint": dict(checkpoint) if checkpoint else None,
        "states": dict(states),
        "unhealthy": "",
    }
