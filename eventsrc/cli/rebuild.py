"""`eventsrc rebuild`: read models from the log, beside the live ones."""

from __future__ import annotations

from typing import Any

import click

from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import emit_json, message, safe
from eventsrc.cli.progress import Progress
from eventsrc.config import data_directory


@click.command()
@click.argument("names", nargs=-1)
@common
def rebuild(names: tuple[str, ...], data: str | None, config_file: str | None, as_json: bool) -> int:
    """Build read models again from the log (all of them without NAMES) and switch to them.

    The old ones answer until then, and stay as they are when this is interrupted. Works with and without a service.
    """
    from eventsrc.service.here import rebuild_here
    from eventsrc.service.offline import client

    settings = loaded(data, config_file).settings
    place = data_directory(settings)
    service = client(place)
    with Progress("rebuild", "events") as bar:
        if service.running():
            report = _handed_over(service.lines("POST", "/v1/rebuild", {"names": list(names)}), bar)
        else:
            report = rebuild_here(place, names, bar.update, settings.projections)
    if as_json:
        emit_json(report)
    else:
        for name, one in report.items():
            letters = f", {one['dead_letters']} dead letters" if one["dead_letters"] else ""
            took = f"{one['events']} events in {one['seconds']:.1f} s"
            click.echo(safe(f"{name}: {took}, generation {one['generation']}{letters}"))
    failed = {name: one["error"] for name, one in report.items() if one.get("error")}
    for name, error in failed.items():
        message(f"{name} was not rebuilt: {error}")
    return 1 if failed else 0


def _handed_over(lines: Any, bar: Progress) -> dict[str, Any]:
    """Follows the service's progress; its last line is the report."""
    report: dict[str, Any] = {}
    for line in lines:
        if "done" in line:
            bar.update(line["done"], line["total"])
        else:
            report = line
    return report
