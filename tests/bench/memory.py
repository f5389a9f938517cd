"""Memory of the service after many events, and what the second half of them added."""

from __future__ import annotations

from eventsrc.testing.generate import generate_sse_lines
from tests.bench.material import Material
from tests.bench.running import running
from tests.bench.table import Row

MOST = 150.0


def measure(material: Material) -> list[Row]:
    """Resident memory after half of the events and after all, with the read model up to date."""
    events = material.sizes.memory_events
    folder = material.place("followed")
    folder.mkdir()
    path = folder / "sse_lines.jsonl"
    seen: list[float] = []
    with running(material.place("memory"), folder) as service:
        written = 0
        with path.open("wb") as file:
            for line in generate_sse_lines(events, seed=2):
                file.write(line + b"\n")
                written += 1
                if written in (events // 2, events):
                    file.flush()
                    service.wait_for(written)
                    seen.append(service.memory())
    half, whole = seen
    return [
        Row(f"memory after {events // 2:,} events", half, "MiB", "what is allowed", MOST),
        Row(f"memory after {events:,} events", whole, "MiB", "what is allowed", MOST, "≤ 150 MiB", whole <= MOST),
    ]
