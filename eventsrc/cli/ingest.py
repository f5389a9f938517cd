"""`eventsrc ingest`: files or standard input, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import emit_json, message, size
from eventsrc.cli.progress import Progress
from eventsrc.config import data_directory
from eventsrc.errors import UsageError


@click.command()
@click.argument("paths", nargs=-1)
@common
def ingest(paths: tuple[str, ...], data: str | None, config_file: str | None, as_json: bool) -> int:
    """Record PATHS (files, folders, globs), or standard input as `-`, into the log and the read models.

    The same file twice changes nothing: it goes on where it was. Beside a running service the work is handed over to
    it. Exit code 3 when something could not be read.
    """
    if not paths:
        raise UsageError(reason="Name a file, a folder, a glob, or - for standard input.")
    if "-" in paths and len(paths) > 1:
        raise UsageError(reason="Standard input (-) cannot be mixed with paths.")
    settings = loaded(data, config_file).settings
    place = data_directory(settings)
    with Progress("ingest", "bytes") as bar:
        report = _run(settings, place, paths, bar)
    if as_json:
        emit_json(report)
    else:
        _show(report)
    for path, why in report["problems"].items():
        message(f"{path}: {why}")
    for path, rest in report["unfinished"].items():
        message(f"{path}: the last line has no line feed yet ({size(rest)}); it is left until it is complete")
    return 3 if report["problems"] else 0


def _run(settings: Any, place: Path, paths: tuple[str, ...], bar: Progress) -> dict[str, Any]:
    from eventsrc.service.here import ingest_here
    from eventsrc.service.offline import client
    from eventsrc.service.there import ingest_stdin_there

    service = client(place)
    if not service.running():
        return ingest_here(settings, place, paths, bar.update)
    if paths == ("-",):
        return ingest_stdin_there(service, bar.update)
    report: dict[str, Any] = {}
    absolute = [str(Path(path).expanduser().absolute()) for path in paths]
    for line in service.lines("POST", "/v1/ingest", {"paths": absolute}):
        if "done" in line:
            bar.update(line["done"], line["total"])
        else:
            report = line
    return report


def _show(report: dict[str, Any]) -> None:
    where = f" at positions {report['first_position']} to {report['last_position']}" if report["appended"] else ""
    click.echo(
        f"{report['read']} records read, {report['appended']} appended{where}, "
        f"{report['duplicates']} were there already, {report['quarantined']} quarantined, in {report['seconds']:.2f} s"
    )
