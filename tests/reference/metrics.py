"""docs/metrics.md: every metric with its type and labels, from a registry and from a filled read model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from eventsrc.config import ProjectionSettings, Settings
from eventsrc.metrics import Metrics
from eventsrc.metrics.figures import Figure, families_of
from eventsrc.query import ReadModels
from eventsrc.service.asking import read_models
from eventsrc.service.here import ingest_here
from eventsrc.testing.generate import generate_sse_lines

TELLING = ("agents", "experiments")
"""Built-in read models with a question `metrics`."""

HEAD = """# Metrics

`GET /metrics` answers in Prometheus' text format, on the TCP port and on the Unix socket. Base units; counters end in
`_total`; times instead of ages (`time() - …` is the age); labels have few values and never an id. A replay never raises
a counter. On Linux the `process_…` metrics of the Prometheus client are there too.
"""

FIGURES = """## Told by read models

Gauges of what a read model holds, from its question `metrics`. A rebuild may change them. A read model that somebody
adds has its own in the same way: `eventsrc_<read model>_<metric>`.
"""


def page() -> str:
    """The whole page."""
    registry = Metrics()._registry
    labels = {one._name: one._labelnames for one in registry._collector_to_names if isinstance(one, MetricWrapperBase)}
    families = [one for one in registry.collect() if one.name.startswith("eventsrc_")]
    return "\n".join([HEAD, *_table(families, labels), "", FIGURES, *_table(told(), {}), ""])


def _table(families: Iterable[Metric], labels: dict[str, tuple[str, ...]]) -> list[str]:
    rows = [_row(one, labels.get(one.name) or _labels_of(one)) for one in sorted(families, key=lambda one: one.name)]
    return ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows]


def _labels_of(family: Metric) -> tuple[str, ...]:
    """Those of its samples; a family that is asked at scrape time knows them itself."""
    declared = getattr(family, "_labelnames", ())
    return tuple(declared) or tuple(
        dict.fromkeys(name for one in family.samples for name in one.labels if name != "le")
    )


def _row(family: Metric, labels: Iterable[str]) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    about = family.documentation.replace("|", "\\|")
    return f"| `{name}` | {family.type} | {', '.join(f'`{label}`' for label in labels)} | {about} |"


def told() -> Iterable[Metric]:
    """What the built-in read models tell after a small generated stream."""
    with tempfile.TemporaryDirectory() as folder:
        data, stream = Path(folder, "data"), Path(folder, "sse_lines.jsonl")
        stream.write_bytes(b"".join(line.rstrip(b"\n") + b"\n" for line in generate_sse_lines(2000, 1)))
        settings = Settings(projections=ProjectionSettings(only=TELLING))
        ingest_here(settings, data, [str(stream)], lambda _done, _total: None)
        return [family for model in TELLING for family in _of(read_models(data), model)]


def _of(models: ReadModels, model: str) -> Iterable[Metric]:
    rows = models.ask(model, "metrics").objects()
    figures = [Figure(str(row["metric"]), row.get("label") or None, str(row.get("key")), 0.0) for row in rows]  # type: ignore[arg-type]
    return families_of(model, figures).values()
