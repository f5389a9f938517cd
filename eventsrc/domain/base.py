"""What every domain event of an agent's run has in common."""

from __future__ import annotations

import msgspec


class AgentFactBase(msgspec.Struct, frozen=True, array_like=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What every domain event of an agent's run carries."""

    sid: str = ""
    """Session; "" when unknown. Sub-agents carry the session of their parent."""
    time: float | None = None
    """When it happened: seconds since the epoch."""
    pid: int | None = None
    """Process of the agent, when the record names it: (sid, pid) is a run."""
    round: str = ""
    """The producer's own key of the round, as written; "" when it has none. May be wrong: see the format's document."""
    agent: str = ""
    """Who wrote it: `claude_code`, `codex`."""
    local: float | None = None
    """Local wall time without zone, as if it were UTC seconds, where `time` is None."""
    zone_hint: float | None = None
    """UTC seconds that belong to the same instant as `local` when the record lets it be derived (UUIDv7, release time):
    `local - zone_hint`, rounded to 15 minutes, is a candidate for the producer's offset."""
