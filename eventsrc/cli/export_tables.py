"""`eventsrc export jsonl|csv|parquet|duckdb`: tables of read models, or the log, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, emit_pieces, message, size
from eventsrc.cli.progress import Progress
from eventsrc.errors import UsageError

if TYPE_CHECKING:
    from eventsrc.service.relations import Relations
    from eventsrc.service.tables import Form, Written

ABOUT: dict[Form, str] = {
    "jsonl": "Tables as JSON Lines, one object per row; the log as its lines stand in it.",
    "csv": "Tables as CSV. Text that a spreadsheet would run as a formula gets a leading quote.",
    "parquet": "Tables as Parquet, one file each. Needs the extra 'analytics'.",
    "duckdb": "Tables as one DuckDB database. Needs the extra 'analytics'.",
}
HELP = """

NAME is a read model, or 'log'. Without TABLES all of its tables and views are given, as they stand at one moment.
Files appear when they are whole. --json tells {"rows", "bytes", "files": [{"path", "rows", "bytes"}]}.
"""
TEXT = ("jsonl", "csv")


def command(form: Form) -> click.Command:
    """The command of one form."""
    place = "A file for one table" + (" or all of them" if form == "duckdb" else ", a folder for several")
    place += "; without it one table goes to stdout." if form in TEXT else "."

    @click.command(form, help=ABOUT[form] + HELP)
    @click.argument("name")
    @click.argument("tables", nargs=-1)
    @click.option("--out", type=click.Path(), default=None, help=place)
    @click.option("--force", is_flag=True, default=False, help="Replace what is there.")
    @common
    def run(
        name: str, tables: tuple[str, ...], out: str | None, force: bool, data: str | None, config_file: str | None,
        as_json: bool,
    ) -> None:  # fmt: skip
        from eventsrc.service.relations import relations

        if out is None and form not in TEXT:
            raise UsageError(reason=f"Say where to: --out {_example(form, name, tables)}")
        with relations(directory(data, config_file), name) as given:
            if out is None:
                _to_stdout(given, name, tables, form)
                return
            files = _to_files(given, tables, form, Path(out), force=force)
        _tell(files, as_json)

    return run


def _to_stdout(given: Relations, name: str, tables: tuple[str, ...], form: Form) -> None:
    from eventsrc.service.tables import Counted, lines

    chosen = given.tables(tables)
    if len(chosen) != 1:
        there = ", ".join(table.name for table in chosen)
        reason = f"Name one table, or say where to: --out {_example(form, name, tables)}. {name} has: {there}"
        raise UsageError(reason=reason)
    with Progress("export", "rows") as bar:
        counted = Counted(bar.update, chosen[0].rows)
        emit_pieces(counted.passing(lines(given, chosen[0], form)))


def _to_files(given: Relations, tables: tuple[str, ...], form: Form, out: Path, *, force: bool) -> list[Written]:
    from eventsrc.durable import SystemDisk
    from eventsrc.service.tables import export

    with Progress("export", "rows") as bar:
        return export(given, given.tables(tables), form, out.expanduser(), SystemDisk(), bar.update, force=force)


def _tell(files: list[Written], as_json: bool) -> None:
    rows, weight = sum(one.rows for one in files), sum(one.bytes for one in files)
    if as_json:
        shown = [{"path": one.path, "rows": one.rows, "bytes": one.bytes} for one in files]
        emit_json({"rows": rows, "bytes": weight, "files": shown})
        return
    for one in files:
        message(f"{one.path}: {one.rows:,} rows, {size(one.bytes)}")
    if len(files) > 1:
        message(f"{len(files)} files: {rows:,} rows, {size(weight)}")


def _example(form: Form, name: str, tables: tuple[str, ...]) -> str:
    if form == "duckdb" or len(tables) == 1:
        return f"{(tables or (name,))[0]}.{form}"
    return f"{name}/"


COMMANDS = [command(form) for form in ABOUT]
