"""`eventsrc query NAME "SELECT …"`: read-only SQL on a read model."""

from __future__ import annotations

import sys

import click

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, emit_rows
from eventsrc.errors import UsageError


@click.command()
@click.argument("name")
@click.argument("sql", required=False, default=None)
@click.option("--csv", "as_csv", is_flag=True, default=False, help="CSV on stdout.")
@common
def query(name: str, sql: str | None, as_csv: bool, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Ask the read model NAME one question in SQL; without SQL it is read from standard input.

    The connection is read-only: it cannot write, attach or load. Example:

        eventsrc query agents "SELECT sid, title FROM sessions LIMIT 5"

    What there is to ask: "SELECT sql FROM sqlite_schema".
    """
    from eventsrc.query.export import write_csv
    from eventsrc.service.asking import read_models

    text = sql if sql is not None else ("" if sys.stdin.isatty() else sys.stdin.read())
    if not text.strip():
        raise UsageError(reason='No SQL was given. Example: eventsrc query agents "SELECT * FROM sessions"')
    answer = read_models(directory(data, config_file)).sql(name, text)
    if as_csv:
        write_csv(answer, sys.stdout)
    elif as_json:
        emit_json(answer.objects())
    else:
        emit_rows(answer.columns, answer.rows, empty="no rows")
