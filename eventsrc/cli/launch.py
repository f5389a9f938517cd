"""`eventsrc launch`: an agent with a recorder beside it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import click

from eventsrc.cli.options import loaded
from eventsrc.cli.output import message
from eventsrc.config import data_directory
from eventsrc.errors import UsageError

MENU = "eventsrc.cli.recover"


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--menu/--no-menu", default=None, help="Show the recovery menu first (default: on a terminal).")
@click.option("--label", default=None, help="Label of the checkpoint at the end; labelled ones are kept.")
@click.option("--data", type=click.Path(file_okay=False), default=None, help="Data directory [env: EVENTSRC_DATA].")
@click.option("--config", "config_file", type=click.Path(dir_okay=False), default=None, help="Settings file to use.")
def launch(
    command: tuple[str, ...], menu: bool | None, label: str | None, data: str | None, config_file: str | None
) -> int:
    """Run an agent (COMMAND and its arguments) with a recorder beside it.

    Starts the recorder in the background when none runs, shows the recovery menu on a terminal, then runs the agent
    with the terminal to itself. Its start, its pid and its end are recorded, with its arguments; a checkpoint is taken
    when it ends. Signals are passed on, and the exit status is the agent's (128 + n for signal n); 127 and 126 when
    the command cannot be run.

    Example: eventsrc launch -- claude --continue
    """
    from eventsrc.launch import Plan
    from eventsrc.launch import launch as run

    place = data_directory(loaded(data, config_file).settings)
    if not _menu(place, menu):
        return 0
    options = ["--config", str(Path(config_file).absolute())] if config_file else []
    return run(Plan(command, place, options, label), message)


def _menu(place: Path, wanted: bool | None) -> bool:
    """Shows the menu where it is wanted; False when the person chose to quit."""
    if wanted is False:
        return True
    there = importlib.util.find_spec(MENU) is not None
    if wanted and not there:
        raise UsageError(reason="This installation has no recovery menu; leave out --menu.")
    if not there or not (wanted or (sys.stdin.isatty() and sys.stdout.isatty())):
        return True
    return bool(importlib.import_module(MENU).menu(place))
