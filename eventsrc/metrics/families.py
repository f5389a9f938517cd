"""How families of one registry are declared: short, so that the declarations read as a table."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SYNC_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SPAN_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Families:
    """Declares families in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"eventsrc_{name}", about, labels, registry=self._registry)

    def counter(self, name: str, about: str, *labels: str) -> Counter:
        """Its series end in `_total`."""
        return Counter(f"eventsrc_{name}", about, labels, registry=self._registry)

    def histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"eventsrc_{name}", about, labels, buckets=buckets, registry=self._registry)


def start_at_zero(family: Counter | Gauge, values: Sequence[str]) -> None:
    """Makes the series, so that `rate()` sees the first failure too."""
    for value in values:
        family.labels(value)
