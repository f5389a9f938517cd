"""docs/commands.md: every command with its arguments and options, from click's own tree."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from eventsrc.cli import main

HEAD = """# Commands

Data goes to stdout, messages to stderr. Where a command takes `--json`, its shape is stable. Common options, not
repeated below:

| option | meaning |
| --- | --- |
| `--data DIR` | Data directory, before the command or after it; `EVENTSRC_DATA` names it for every command. |
| `--config FILE` | Settings file to use instead of the standard ones. |
| `--json` | JSON on stdout. |
| `--no-color` | Plain text; `NO_COLOR` does the same. |

What a command ends with stands in [exit-codes.md](exit-codes.md). `eventsrc completion SHELL` makes a shell
complete them.
"""
COMMON = {"data", "config_file", "as_json", "no_color"}


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(path, command) for path, command in tree(main.cli, ("eventsrc",)))])


def tree(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, in the order of `--help`."""
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{name} is listed and not there"
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from tree(command, (*path, name))


def section(path: tuple[str, ...], command: click.Command) -> str:
    """One command."""
    pieces = command.collect_usage_pieces(click.Context(command))
    title = f"{'#' * len(path)} {' '.join(path)}"
    usage = f"```\n{' '.join([*path, *pieces])}\n```"
    about = inspect.cleandoc(command.help or "").replace("\b\n", "").replace("\f", "")
    rows = [row(option) for option in command.params if isinstance(option, click.Option) and shown(option)]
    table = "\n".join(["| option | meaning |", "| --- | --- |", *rows]) if rows else ""
    return "\n\n".join(part for part in (title, usage, about, table) if part) + "\n"


def shown(option: click.Option) -> bool:
    """Whether the option is this command's own."""
    return not option.hidden and option.name not in COMMON


def row(option: click.Option) -> str:
    """One line of the table."""
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('x')))}"
    return f"| {names}{cell(value)} | {cell(' '.join((option.help or '').split()))} |"


def cell(text: str) -> str:
    """Text that does not end a cell."""
    return text.replace("|", "\\|")
