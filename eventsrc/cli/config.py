"""`eventsrc config`: the settings in force and where each comes from."""

from __future__ import annotations

import click

from eventsrc import config as settings_
from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import emit_json, emit_table


@click.command()
@common
def config(data: str | None, config_file: str | None, as_json: bool) -> None:
    """Show the settings in force and where they come from.

    Flags beat EVENTSRC_… variables, which beat ./eventsrc.toml, which beats the user's and the system's file.
    """
    found = loaded(data, config_file)
    values = settings_.flat(found.settings)
    values["data"] = str(settings_.data_directory(found.settings))
    if as_json:
        emit_json({"settings": values, "origin": found.origin, "files": list(found.files)})
        return
    rows = [(name, _text(value), found.origin.get(name, "default")) for name, value in values.items()]
    emit_table(("setting", "value", "from"), rows)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
