"""`eventsrc export …`: what read models hold, for other programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from eventsrc.cli import export_tables
from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_bytes, emit_json, message
from eventsrc.cli.progress import Progress
from eventsrc.errors import AlreadyThere

EVERY = 1_000  # lines between two looks at the progress bar


@click.group()
def export() -> None:
    """Give out what was recorded, for other programs."""


for command in export_tables.COMMANDS:
    export.add_command(command)


@export.command()
@click.option(
    "--recorder",
    type=click.Choice(["daemon", "broker"]),
    default="daemon",
    show_default=True,
    help="Whose historical form and rules.",
)
@click.option("--since", default=None, help="Only from then on: 2026-01-10T10:00, 'today', '10 min ago'.")
@click.option("--until", default=None, help="Only before then.")
@click.option("--speaker", default=None, help="Only of this sender.")
@click.option("--out", type=click.Path(dir_okay=False), default=None, help="Write to this file instead of stdout.")
@click.option("--force", is_flag=True, default=False, help="Replace what is there.")
@common
def conversations(
    data: str | None, config_file: str | None, as_json: bool, recorder: str, out: str | None, force: bool,
    **given: str | None,
) -> None:  # fmt: skip
    """Messages between agents in the historical record form: JSON Lines, eight fixed keys, oldest first.

    The file appears when it is whole. --json then tells how many there were: {"records", "path"}.
    """
    from eventsrc.durable import SystemDisk
    from eventsrc.report import Span
    from eventsrc.service.asking import read_models
    from eventsrc.service.exports import message_count, records
    from eventsrc.service.whole import whole_file

    if out is not None and not force and Path(out).exists():
        raise AlreadyThere(path=out)
    now = time.time()
    span = Span(moment_of(given["since"], now), moment_of(given["until"], now))
    models = read_models(directory(data, config_file))
    lines = records(models, span, recorder, given["speaker"])

    def write(take: Callable[[bytes], object]) -> int:
        done = 0
        with Progress("export", "messages") as bar:
            total = message_count(models, span)
            for done, line in enumerate(lines, 1):
                take(line + b"\n")
                if done % EVERY == 0:
                    bar.update(done, total)
        return done

    if out is None:
        count = write(emit_bytes)
    else:
        with whole_file(Path(out), SystemDisk()) as file:
            count = write(file.write)
    if as_json and out is not None:
        emit_json({"records": count, "path": str(Path(out).absolute())})
    else:
        message(f"{count} records" + (f" in {out}" if out else ""))
