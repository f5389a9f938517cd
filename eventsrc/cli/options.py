"""Options that every command has, in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eventsrc import config

F = TypeVar("F", bound=Callable[..., Any])


def common(command: F) -> F:
    """`--data`, `--config`, `--json`, `--no-color`: passed to the command as `place` and `as_json`."""
    command = click.option("--json", "as_json", is_flag=True, default=False, help="JSON on stdout.")(command)
    command = click.option(
        "--no-color", is_flag=True, default=False, expose_value=False, callback=_no_color, help="Plain text."
    )(command)
    command = click.option(
        "--config", "config_file", type=click.Path(dir_okay=False), default=None, help="Settings file to use."
    )(command)
    return click.option(
        "--data",
        type=click.Path(file_okay=False),
        default=None,
        callback=_data,
        help="Data directory [env: EVENTSRC_DATA].",
    )(command)


def _data(ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """`eventsrc --data DIR COMMAND` is the same as `eventsrc COMMAND --data DIR`."""
    before: str | None = ctx.find_root().params.get("data")
    return given if given is not None else before


def _no_color(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.color = False


def loaded(data: str | None, config_file: str | None, **flags: Any) -> config.Loaded:
    """The settings in force for a command; flags that were not given do not count."""
    given = {name.replace("__", "."): value for name, value in flags.items() if value not in (None, ())}
    if data is not None:
        given["data"] = data
    return config.load(given, file=config_file)


def directory(data: str | None, config_file: str | None) -> Path:
    """The data directory of a command."""
    return config.data_directory(loaded(data, config_file).settings)
