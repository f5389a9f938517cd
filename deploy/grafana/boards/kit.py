"""From what is shown to Grafana's objects: a few kinds of panels, laid out by Grafana's own rules.

Every query is restricted to the chosen services by `$at`; rates are over `$__rate_interval`, which Grafana adapts to
the scrape interval and the zoom.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Literal, TypeAlias

import msgspec
from grafana_foundation_sdk.builders import bargauge, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

AT = 'instance=~"$instance"'
"""The services that are looked at; stands in every query."""
SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = {"number": 4, "lines": 12, "bars": 12}
HEIGHT = {"number": 4, "lines": 8, "bars": 8}

Kind: TypeAlias = Literal["number", "lines", "bars"]


class Query(msgspec.Struct, frozen=True):
    """One expression of PromQL, and how its series are named."""

    expr: str
    legend: str = ""


class Panel(msgspec.Struct, frozen=True):
    """One picture. `worse`: values from which it turns yellow, then red."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "lines"
    worse: tuple[float, ...] = ()


class Part(msgspec.Struct, frozen=True):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


class Board(msgspec.Struct, frozen=True):
    """One dashboard; `uid` is its address for ever."""

    uid: str
    title: str
    about: str
    parts: tuple[Part, ...]


def number(title: str, about: str, expr: str, unit: str = "short", worse: tuple[float, ...] = ()) -> Panel:
    """What it is now, large."""
    return Panel(title, about, (Query(expr),), unit, "number", worse)


def made(board: Board) -> dashboard.Dashboard:
    """The dashboard, ready to be encoded."""
    built = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags(["eventsrc"])
        .readonly()
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("30s")
        .with_variable(builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            builders.QueryVariable("instance")
            .label("Service")
            .datasource(SOURCE)
            .query("label_values(eventsrc_build_info, instance)")
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".+")
            .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
        )
        .link(builders.DashboardLink("eventsrc").type(dashboard.DashboardLinkType.DASHBOARDS).tags(["eventsrc"]))
    )
    number = count(1)
    for part in board.parts:
        built.with_row(builders.Row(part.title).id(next(number)))
        for panel in part.panels:
            built.with_panel(_panel(panel, next(number)))
    return built.build()


def _panel(panel: Panel, number: int) -> Any:
    kinds = {"number": _number, "lines": _lines, "bars": _bars}
    built = (
        kinds[panel.kind]()
        .id(number)
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(WIDTH[panel.kind])
        .height(HEIGHT[panel.kind])
        .thresholds(_thresholds(panel.worse))
    )
    for place, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + place)).datasource(SOURCE)
        target = target.range() if panel.kind == "lines" else target.instant()
        built.with_target(target.legend_format(query.legend) if query.legend else target)
    return built


def _number() -> Any:
    last = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        stat.Panel()
        .reduce_options(last)
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
    )


def _lines() -> Any:
    legend = common_builders.VizLegendOptions().placement(common.LegendPlacement.BOTTOM).show_legend(True)
    return timeseries.Panel().legend(legend).fill_opacity(10).line_width(1).min(0)


def _bars() -> Any:
    return bargauge.Panel().orientation(common.VizOrientation.HORIZONTAL).min(0)


def _thresholds(worse: tuple[float, ...]) -> builders.ThresholdsConfig:
    colours = ("yellow", "red") if len(worse) == 2 else ("red",)
    steps = [dashboard.Threshold(value=None, color="green")]
    steps += [dashboard.Threshold(value=value, color=colour) for value, colour in zip(worse, colours, strict=False)]
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)
