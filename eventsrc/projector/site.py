"""What projecting needs from outside, and what it tells about itself. Values only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from eventsrc.clock import Clock
from eventsrc.durable import Disk
from eventsrc.event import Position
from eventsrc.projector.feed import Feed

State: TypeAlias = Literal["building", "live", "waiting", "broken"]


class Site(msgspec.Struct, frozen=True):
    """Where read models live and what they are made from; one per data directory."""

    read_dir: Path
    """`<data>/read`."""
    feed: Feed
    disk: Disk
    clock: Clock
    """For durations only; no row depends on it (law L9)."""


class Standing(msgspec.Struct, frozen=True):
    """How one read model stands, as its projector tells it after every step."""

    name: str
    state: State
    """`building`: made from the log, the old generation (if any) answers meanwhile · `live`: follows the log ·
    `waiting`: for a lock or for room · `broken`: stopped until it is rebuilt."""
    position: Position
    generation: int
    """0 when none answers yet."""
    dead_letters: int
    """Above 0 the read model is incomplete."""
    reason: str = ""
    """Why it waits, is built or is broken."""
    recorded: str = ""
    """When the log accepted the event at `position`, RFC 3339; "" at position 0."""
    batch_seconds: float = 0.0
    """How long the transaction took that this is told after; 0 when there was none."""
