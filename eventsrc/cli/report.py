"""`eventsrc report`: what the agents said and did in a stretch of time."""

from __future__ import annotations

import time
from pathlib import Path

import click

from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_bytes, emit_json, message

FORMATS = ("md", "json", "html")


@click.command()
@click.option("--since", default=None, help="Only from then on: 2026-01-10T10:00, 'yesterday', '24 hours ago'.")
@click.option("--until", default=None, help="Only before then.")
@click.option(
    "--format",
    "forms",
    type=click.Choice(FORMATS),
    multiple=True,
    default=(),
    help="Form of the report; may be given several times with --out. [default: md; all with --out]",
)
@click.option("--out", type=click.Path(file_okay=False), default=None, help="Write files into this folder.")
@common
def report(
    data: str | None,
    config_file: str | None,
    as_json: bool,
    since: str | None,
    until: str | None,
    forms: tuple[str, ...],
    out: str | None,
) -> None:
    """Report speakers, domains, tiers, tags, keywords, timeline, tools, errors, tokens and the collaboration score.

    To stdout, or into --out DIR as analytics_report_YYYYMMDD_HHMMSS.md, .json and .html (with charts; it needs no
    network). --json is --format json; with --out it tells the paths: {"files": […]}.
    """
    from eventsrc.durable import SystemDisk
    from eventsrc.report import Span
    from eventsrc.service.asking import read_models
    from eventsrc.service.reports import FORMS, made, written

    now = time.time()
    span = Span(moment_of(since, now), moment_of(until, now))
    found = made(read_models(directory(data, config_file)), span, now)
    if out is None:
        if len(forms) > 1:
            raise click.UsageError("several forms need a folder: --out DIR")
        emit_bytes(FORMS["json" if as_json else (forms or ("md",))[0]](found))
    else:
        paths = [str(path.absolute()) for path in written(found, Path(out), forms or FORMATS, SystemDisk())]
        emit_json({"files": paths}) if as_json else click.echo("\n".join(paths))
    if not found.totals.recorded and not found.tools:
        message("nothing was recorded in that time; 'eventsrc status' tells what there is")
