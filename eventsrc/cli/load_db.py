"""`eventsrc load-db`: experiments into the analytics database, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eventsrc.cli.experiments import ask, find
from eventsrc.cli.options import common, loaded
from eventsrc.cli.outlook import GOING_ON
from eventsrc.cli.output import emit_json, emit_table, message, safe
from eventsrc.cli.progress import Progress
from eventsrc.config import data_directory
from eventsrc.errors import EventsrcError, ExtraMissing, TryAgain, UsageError


@click.command("load-db")
@click.argument("experiment", required=False, default=None)
@click.option("--all", "everything", is_flag=True, default=False, help="Every experiment and conversation that ended.")
@click.option("--force", is_flag=True, default=False, help="Load every file again, also those that did not change.")
@click.option("--database", type=click.Path(dir_okay=False), default=None, help="DuckDB file [analytics.database].")
@common
def load_db(
    experiment: str | None, everything: bool, force: bool, database: str | None, data: str | None,
    config_file: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Load EXPERIMENT into DuckDB: its events as they stand in its files, and what follows from them.

    Each experiment is one transaction: all of it, or nothing. Loading again changes nothing, unless a file grew or is
    another one. The service does this by itself when an experiment ends. Exit code 1 when one could not be loaded.
    """
    settings = loaded(data, config_file, analytics__database=database).settings
    place = data_directory(settings)
    if (experiment is None) == (not everything):
        raise UsageError(reason="name one experiment, or --all; 'eventsrc experiments list' shows them")
    if experiment is not None:
        runs = [find(place, experiment)]
    else:
        runs = [row for row in ask(place, "list", {"chats": 1}) if row["state"] not in GOING_ON and row["folder"]]
    if not runs and not as_json:
        message("nothing ended yet; 'eventsrc experiments list' shows what there is")
    reports, failed = _load(place, runs, settings, force)
    if as_json:
        emit_json(reports)
    elif reports:
        _show(reports)
    return failed


def _load(place: Path, runs: list[dict[str, Any]], settings: Any, force: bool) -> tuple[list[dict[str, Any]], int]:
    """The reports of those that were loaded, and the exit code of the worst of the others."""
    from eventsrc.cli.main import report as say
    from eventsrc.service.analytics import database_of, load_here
    from eventsrc.service.asking import read_models

    database, models = database_of(settings.analytics, place), read_models(place)
    reports, code = [], 0
    with Progress("load", "experiments") as bar:
        for number, run in enumerate(runs):
            bar.update(number, len(runs))
            if run["state"] in GOING_ON:
                message(f"{run['id']} goes on: what is there by now is loaded")
            try:
                done = load_here(models, run, database, force=force)
            except EventsrcError as error:
                if len(runs) == 1 or isinstance(error, TryAgain | ExtraMissing):
                    raise
                code = max(code, say(error))
                continue
            streams = [{"file": one.file, "outcome": one.outcome, "rows": one.rows, "rejected": one.rejected}
                       for one in done.streams]  # fmt: skip
            problems = [{"line": one.line, "reason": one.reason, "head": one.head} for one in done.problems]
            numbers = {"rows": done.rows, "rejected": done.rejected}
            reports.append(
                {"id": done.id, **numbers, "database": str(database), "streams": streams, "problems": problems}
            )
    return reports, code


def _show(reports: list[dict[str, Any]]) -> None:
    rows = [
        (one["id"], Path(stream["file"]).name, stream["outcome"], str(stream["rows"]), str(stream["rejected"] or ""))
        for one in reports
        for stream in one["streams"]
    ]
    if rows:
        emit_table(("experiment", "log", "outcome", "rows", "rejected"), rows)
    for one in reports:
        if not one["streams"]:
            message(f"{one['id']} has no log; what is known of it was loaded")
        for problem in one["problems"]:
            message(f"{one['id']}, line {problem['line']}: {problem['reason']}: {safe(problem['head'])}")
    click.echo(f"in {safe(reports[0]['database'])}")
