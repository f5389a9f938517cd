"""Figures that a read model tells about what it holds, as gauges: a rebuild may change them, and raises no counter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from eventsrc.limits import FIGURE_FAMILIES, FIGURE_SERIES

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")


class Figure(msgspec.Struct, frozen=True):
    """One number: `eventsrc_<read model>_<metric>{<label>="<key>"}`."""

    metric: str
    label: str | None
    key: str
    value: float


class FigureCollector(Collector):
    """Shows what was told last. Names that Prometheus would not take, and what is beyond the bounds, are left out."""

    def __init__(self) -> None:
        self._told: dict[str, Sequence[Figure]] = {}
        self.wanted = True
        """Whether somebody has looked since this was last set to False."""

    def tell(self, model: str, figures: Sequence[Figure]) -> None:
        """Replaces the figures of a read model."""
        self._told[model] = figures

    def collect(self) -> Iterable[GaugeMetricFamily]:
        self.wanted = True
        for model, figures in list(self._told.items()):  # on another thread than `tell`
            yield from families_of(model, figures).values()


def families_of(model: str, figures: Iterable[Figure]) -> Mapping[str, GaugeMetricFamily]:
    """The families of a read model, by metric."""
    found: dict[str, GaugeMetricFamily] = {}
    for one in figures:
        family = found.get(one.metric)
        if family is None:
            names = [model, one.metric] + ([] if one.label is None else [one.label])
            if not all(map(_NAME.fullmatch, names)) or len(found) >= FIGURE_FAMILIES:
                continue
            about = f"What the read model {model} tells of {one.metric.replace('_', ' ')}."
            labels = [one.label] if one.label is not None else []
            family = found[one.metric] = GaugeMetricFamily(f"eventsrc_{model}_{one.metric}", about, labels=labels)
        if len(family.samples) < FIGURE_SERIES:
            family.add_metric([one.key] if one.label is not None else [], one.value)
    return found
