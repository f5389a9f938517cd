"""`eventsrc hooks`: lets Claude Code tell of its life, by a change to its settings that a person sees first."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import emit_json, message, safe
from eventsrc.hooks import SCRIPT, SettingsFile, Via

F = TypeVar("F", bound=Callable[..., Any])
NOT_INSTALLED = 3
SCRIPT_TEXT = json.dumps(SCRIPT)[1:-1]
"""The shell words as they stand in the file, once per event: a person reads them once."""


@click.group()
def hooks() -> None:
    """Let Claude Code tell when it starts, works, waits for you and ends.

    Hooks say at once what transcripts say late or never: a permission prompt that waits, a tool that began, a session
    that ended. Each is a few words of shell that put one file into a spool in the data directory; no service needs to
    run for that, nothing is printed, and the agent is never told what to do.
    """


def _settings(command: F) -> F:
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(dir_okay=False),
        default=None,
        help="The agent's settings  [default: ~/.claude/settings.json].",
    )(command)


def _consent(command: F) -> F:
    command = click.option("--dry-run", is_flag=True, default=False, help="Show what would change, and stop.")(command)
    command = click.option("--no-input", is_flag=True, default=False, help="Never ask; without --yes: refuse.")(command)
    return click.option("-y", "--yes", is_flag=True, default=False, help="Change it without asking.")(command)


@hooks.command()
@_settings
@click.option(
    "--via",
    type=click.Choice(["spool", "http"]),
    default="spool",
    show_default=True,
    help="How events are told; over http they are lost, and the agent shows an error, while no service runs.",
)
@_consent
@common
def install(via: Via, data: str | None, config_file: str | None, **given: Any) -> int:
    """Add the hooks to the agent's settings; shows the change and asks first.

    Installing again moves them to this data directory, or to the other way of telling. The settings from before the
    first change lie beside the file. With --json: {"settings", "changed", "events", "via", "target"}.
    """
    from eventsrc import config
    from eventsrc.hooks import handlers, with_hooks
    from eventsrc.service.hooks_told import hook_spool

    found = loaded(data, config_file).settings
    spool = str(hook_spool(config.data_directory(found)))
    url = f"http://{found.http.listen}/hooks/claude-code"
    if via == "http" and not found.http.listen:
        raise click.UsageError("--via http needs a TCP listener; the setting http.listen is empty")
    wanted = handlers(via, spool, url)
    told = {"events": list(wanted), "via": via, "target": url if via == "http" else spool}
    return _change(lambda text: with_hooks(text, wanted), told, "installed", **given)


@hooks.command()
@_settings
@_consent
@common
def uninstall(data: str | None, config_file: str | None, **given: Any) -> int:
    """Take the hooks out of the agent's settings; shows the change and asks first.

    Only eventsrc's own are taken out, whatever they tell; everything else stays byte for byte.
    With --json: {"settings", "changed"}.
    """
    from eventsrc.hooks import without_hooks

    del data, config_file
    return _change(without_hooks, {}, "uninstalled", **given)


@hooks.command()
@_settings
@common
def status(settings_file: str | None, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Say which hooks are there, what may keep them from running, and what they told last.

    Exit code 3 when some or all are missing. With --json: {"settings", "installed", "events", "missing", "targets",
    "switches", "spool", "spool_waiting", "service_running", "last"}; "last" is event → when, among the newest events.
    """
    from eventsrc import config
    from eventsrc.service.hooks_told import hooks_told

    file = _file(settings_file)
    place = config.data_directory(loaded(data, config_file).settings)
    found = _read(file, lambda text: _installed(text, file, hooks_told(place)))
    if as_json:
        emit_json(found)
    else:
        _show(found)
    return 0 if found["installed"] and not found["missing"] else NOT_INSTALLED


def _installed(text: str, file: SettingsFile, told: dict[str, Any]) -> dict[str, Any]:
    from eventsrc.hooks import installed

    there = installed(text)
    return {
        "settings": str(file.path),
        "installed": bool(there.events),
        "events": there.events,
        "missing": list(there.missing),
        "targets": list(there.targets),
        "switches": there.switches,
        **told,
    }


def _show(found: dict[str, Any]) -> None:
    from eventsrc.cli.output import moment

    if not found["installed"]:
        click.echo(f"○ no hooks of eventsrc in {safe(found['settings'])}")
        message("'eventsrc hooks install' adds them")
    else:
        missing = f", missing: {', '.join(found['missing'])}" if found["missing"] else ""
        click.echo(f"● hooks of {len(found['events'])} events in {safe(found['settings'])}{missing}")
        for target in found["targets"]:
            other = "" if target == found["spool"] or target.startswith("http") else "  (not this data directory)"
            click.echo(f"  told to   {safe(target)}{other}")
    for name, value in found["switches"].items():
        click.echo(f"  switch    {name} is {safe(str(value))}: it may keep them from running")
    runs = "a service empties it" if found["service_running"] else "no service runs; they wait"
    click.echo(f"  spool     {found['spool_waiting']} waiting; {runs}")
    if found["last"]:
        for event, when in sorted(found["last"].items(), key=lambda pair: pair[1], reverse=True):
            click.echo(f"  last      {moment(when)}  {safe(event)}")
    elif found["installed"]:
        click.echo("  last      nothing yet; a folder's hooks run only after its trust dialog was accepted")


def _change(
    change: Callable[[str], str],
    told: dict[str, Any],
    done: str,
    *,
    settings_file: str | None,
    yes: bool,
    no_input: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Shows the difference, asks, writes."""
    file = _file(settings_file)
    before = file.read()
    after = _read(file, change)
    changed = after != before
    if changed:
        _show_difference(file.path, before, after)
        if not dry_run:
            _ask(file.path, yes=yes, no_input=no_input)
            file.replace(before, after)
    if as_json:
        emit_json({"settings": str(file.path), "changed": changed and not dry_run, **told})
    elif not changed:
        message(f"{file.path} is as it should be: nothing to change")
    elif not dry_run:
        kept = f"; as it was before the first change: {file.kept}" if file.kept.exists() else ""
        message(f"{done}: {file.path}{kept}")
    return 0


def _read(file: SettingsFile, use: Callable[[str], Any]) -> Any:
    from eventsrc.errors import HookSettings

    try:
        return use(file.read())
    except ValueError as error:
        raise HookSettings(path=file.path, reason=str(error)) from error


def _file(settings_file: str | None) -> SettingsFile:
    from eventsrc.durable import SystemDisk
    from eventsrc.hooks import settings_place

    place = Path(settings_file).expanduser() if settings_file else settings_place(os.environ)
    return SettingsFile(place.absolute(), SystemDisk())


def _show_difference(path: Path, before: str, after: str) -> None:
    """On stderr: it is for the person who decides."""
    names = (f"{path} (now)", f"{path} (then)")
    colours = {"+": "green", "-": "red"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    head, script, rest = "\n".join(lines).partition(SCRIPT_TEXT)
    for line in (head + script + rest.replace(SCRIPT_TEXT, "(as above)")).split("\n"):
        colour = None if line[:3] in ("+++", "---") else colours.get(line[:1])
        click.secho(safe(line), fg=colour, err=True)


def _ask(path: Path, *, yes: bool, no_input: bool) -> None:
    from eventsrc.errors import UsageError

    if yes:
        return
    if no_input or not sys.stdin.isatty():
        raise UsageError(reason="nothing was changed: nobody can be asked here; --yes says yes beforehand")
    if not click.confirm(f"Change {path} like this?", default=False, err=True):
        message("nothing was changed")
        raise click.exceptions.Exit(1)
