"""`eventsrc service`: installs, removes and shows the units of systemd; shows first what it will do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from eventsrc.cli.output import emit_json, emit_table, message, safe
from eventsrc.errors import NoSystemd, NotAllowed, UsageError

if TYPE_CHECKING:
    from eventsrc.units import Scope, Step

F = TypeVar("F", bound=Callable[..., Any])
SYSTEM, USER = Path("/etc/systemd/system"), Path("systemd/user")
RUNNING = Path("/run/systemd/system")  # sd_booted(3)

_place = (
    click.option("--user", is_flag=True, default=False, help="Units of this user; else of the system."),
    click.option(
        "--root", type=click.Path(file_okay=False), default=None, help="A tree that does not run, e.g. of an image."
    ),
    click.option("--json", "as_json", is_flag=True, default=False, help="JSON on stdout."),
)
_consent = (
    click.option("--yes", is_flag=True, default=False, help="Do it without asking."),
    click.option("--no-input", is_flag=True, default=False, help="Never ask; without --yes nothing is done."),
    click.option("--dry-run", is_flag=True, default=False, help="Show what would be done and stop."),
)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.group()
def service() -> None:
    """Run eventsrc by systemd: install, uninstall, status.

    The system's service takes what is pushed, as a user of its own, with its data in /var/lib/eventsrc. The one of a
    user (--user) follows the transcripts of that user's agents.
    """


@service.command()
@_options(*_place, *_consent)
@click.option("--data", type=click.Path(file_okay=False), default=None, help="Data directory, with --user.")
def install(
    user: bool, root: str | None, as_json: bool, yes: bool, no_input: bool, dry_run: bool, data: str | None
) -> int:
    """Write, enable and start the units.

    Shows every step before it is made, and asks. With --json: {"folder", "done", "steps": [{"kind", "target", "why",
    "change"}]}; kinds are write, remove, keep, run.
    """
    from eventsrc import units

    scope = _scope(user, root)
    command = _command()
    if data is not None and not user:
        raise UsageError(reason="The system's service keeps its data in /var/lib/eventsrc; --data goes with --user.")
    if not user and root is None:
        units.check_visible([Path(command[0]), Path(sys.prefix), Path(sys.base_prefix)])
    variables = {"EVENTSRC_DATA": str(Path(data).absolute())} if data else {}
    steps = units.install(scope, units.present(scope), units.adapted(units.shipped(user), command, variables))
    done = _carry(scope, steps, as_json=as_json, yes=yes, no_input=no_input, dry_run=dry_run)
    if done and not as_json:
        flag = " --user" if user else ""
        message(f"installed; 'eventsrc service status{flag}' shows how it is doing")
        if user:
            message("it runs while you are logged in; 'loginctl enable-linger' lets it run from boot on")
    return 0


@service.command()
@_options(*_place, *_consent)
def uninstall(user: bool, root: str | None, as_json: bool, yes: bool, no_input: bool, dry_run: bool) -> int:
    """Stop, disable and remove the units.

    Shows every step before it is made, and asks. Data, settings and drop-ins stay. With --json: as install.
    """
    from eventsrc import units

    scope = _scope(user, root)
    there = units.present(scope)
    if not there and not as_json:
        message(f"nothing to remove in {scope.folder}")
        return 0
    done = _carry(scope, units.uninstall(scope, there), as_json=as_json, yes=yes, no_input=no_input, dry_run=dry_run)
    if done and not as_json:
        message("removed; the data stays where it is")
    return 0


@service.command()
@_options(*_place)
def status(user: bool, root: str | None, as_json: bool) -> int:
    """Show the units and how they are doing.

    Exit code 3 when the service is not active. With --json: {"folder", "running", "units": [{"unit", "file",
    "active", "enabled", "detail"}]}; file is absent, as shipped, or differs.
    """
    from eventsrc import units

    scope = _scope(user, root, changes=False)
    there = units.present(scope)
    wanted = units.adapted(units.shipped(user), _command(), {})
    found = units.state(scope, there, wanted)
    running = any(one.unit == "eventsrc.service" and one.active == "active" for one in found)
    if as_json:
        emit_json({"folder": str(scope.folder), "running": running, "units": msgspec.to_builtins(found)})
    else:
        emit_table(
            ("unit", "file", "active", "enabled", "detail"),
            [(one.unit, one.file, one.active, one.enabled, one.detail) for one in found],
        )
        if not there:
            flag = " --user" if user else ""
            message(f"not installed in {scope.folder}; 'eventsrc service install{flag}' does it")
    return 0 if running else 3


def _scope(user: bool, root: str | None, *, changes: bool = True) -> Scope:
    from eventsrc.units import Scope

    if user and root is not None:
        raise UsageError(reason="--root is for the system's units; --user has none.")
    if root is not None:
        return Scope(False, Path(root) / SYSTEM.relative_to("/"), Path(root))
    if changes and not RUNNING.is_dir():
        raise NoSystemd()
    if user:
        config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Scope(True, Path(config) / USER)
    if changes and os.geteuid() != 0:
        raise NotAllowed(reason="the system's units are root's; use sudo, or --user for your own.")
    return Scope(False, SYSTEM)


def _command() -> tuple[str, ...]:
    """How this installation is called, by absolute path: units know no search path of a person."""
    script = Path(sys.executable).with_name("eventsrc")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "eventsrc.cli.main")


def _carry(scope: Scope, steps: list[Step], *, as_json: bool, yes: bool, no_input: bool, dry_run: bool) -> bool:
    """Shows the plan, asks, makes it; False when it was only shown or declined."""
    from eventsrc.units import carry

    if not as_json:
        _show(steps)
    if not dry_run:
        _ask(yes=yes, no_input=no_input or as_json)
        for step in steps:
            carry(step)
    if as_json:
        emit_json({"folder": str(scope.folder), "done": not dry_run, "steps": [_described(step) for step in steps]})
    elif dry_run:
        message("nothing was done")
    return not dry_run


def _ask(*, yes: bool, no_input: bool) -> None:
    """Raises UsageError when nobody can be asked, click.Abort when the answer is no."""
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        raise UsageError(reason="Nothing was done: nobody can be asked here. Give --yes, or --dry-run to look only.")
    click.confirm("Do this?", abort=True, err=True)


def _show(steps: list[Step]) -> None:
    for step in steps:
        click.echo(safe(f"{step.kind:<7} {step.target}") + click.style(f"  ({step.why})", dim=True))
        for line in step.change:
            colour = {"+": "green", "-": "red"}.get(line[:1])
            click.echo("        " + click.style(safe(line), fg=colour))


def _described(step: Step) -> dict[str, object]:
    return {"kind": step.kind, "target": step.target, "why": step.why, "change": list(step.change)}
