"""How much work a run does. Every size can be set by a variable, e.g. `EVENTSRC_BENCH_LINES=1000000`."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec


class Sizes(msgspec.Struct, frozen=True):
    """The defaults are those of `--quick`."""

    repeats: int = 3
    """Times that a short measurement is made; the best counts."""
    producers: int = 64
    batches: int = 12
    """Batches of 512 that each producer appends."""
    singles: int = 400
    """Batches of one event that each producer appends."""
    lines: int = 150_000
    """Lines of the generated `sse_lines.jsonl`."""
    transcript_lines: int = 20_000
    peer_lines: int = 30_000
    """Lines for peers that are slow."""
    log_events: int = 1_000_000
    """Events of the log that is opened."""
    push_rate: int = 10_000
    """Events per second that are pushed while latency is measured."""
    push_seconds: float = 5.0
    deltas: int = 300
    """Deltas that are written while somebody is attached."""
    hooks: int = 1_000
    """Hooks that are told, two hundred a second."""
    idle_files: int = 15_000
    idle_seconds: float = 15.0
    memory_events: int = 300_000
    """Events that the service takes while its memory is watched."""
    blocks: int = 1_000_000
    """Content blocks of the read model that questions are put to."""
    documents: int = 1_000_000
    """Documents of the read model that is searched."""
    questions: int = 60
    """Times that each question is asked, with other values."""


QUICK = Sizes()
FULL = Sizes(
    deltas=2_000,
    hooks=5_000,
    batches=48,
    singles=1_000,
    lines=600_000,
    transcript_lines=300_000,
    peer_lines=100_000,
    log_events=10_000_000,
    push_seconds=20.0,
    idle_seconds=60.0,
    memory_events=1_000_000,
    questions=400,
)
TINY = Sizes(
    deltas=20,
    hooks=20,
    repeats=1,
    producers=8,
    batches=2,
    singles=4,
    lines=3_000,
    transcript_lines=1_000,
    peer_lines=1_000,
    log_events=40_000,
    push_rate=2_000,
    push_seconds=0.5,
    idle_files=200,
    idle_seconds=0.5,
    memory_events=5_000,
    blocks=5_000,
    documents=5_000,
    questions=4,
)
"""Enough to see that everything works, in a few seconds."""


def sized(base: Sizes, environment: Mapping[str, str] | None = None) -> Sizes:
    """`base` with the sizes that the environment sets."""
    environment = os.environ if environment is None else environment
    given = {
        name: environment[variable]
        for name in Sizes.__struct_fields__
        if (variable := f"EVENTSRC_BENCH_{name.upper()}") in environment
    }
    values = {name: getattr(base, name) for name in Sizes.__struct_fields__}
    return msgspec.convert({**values, **given}, Sizes, strict=False)
