"""`eventsrc checkpoint`: make, list, show, verify, compare and restore, like restic's snapshots."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from eventsrc.cli.options import common, directory, loaded
from eventsrc.cli.output import emit_json, emit_table, message, moment, size
from eventsrc.config import data_directory


class DefaultsToCreate(click.Group):
    """`eventsrc checkpoint --label L` is `eventsrc checkpoint create --label L`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        implied = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        if implied and not ctx.resilient_parsing:  # a shell that completes wants the commands
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultsToCreate)
def checkpoint() -> None:
    """Make, list, verify and restore checkpoints; alone it makes one.

    A checkpoint is a log position with the log's digest and consistent copies of the read models. Restoring puts the
    read models back; they then catch up with the log, which is never touched.
    """


@checkpoint.command()
@click.option("--label", default=None, help="A name to find it by; labelled ones are never pruned by themselves.")
@common
def create(label: str | None, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Make a checkpoint now; works beside a running service."""
    from eventsrc.service.here import checkpoint_here
    from eventsrc.service.offline import client

    place = directory(data, config_file)
    service = client(place)
    if service.running():
        made: dict[str, Any] = service.request("POST", "/v1/checkpoint", {"label": label}, seconds=600)
    else:
        made = checkpoint_here(place, label)
    if as_json:
        emit_json(made)
    else:
        click.echo(f"checkpoint {made['id']} at position {made['position']}, {size(made['bytes'])}")


@checkpoint.command("list")
@common
def list_(data: str | None, config_file: str | None, as_json: bool) -> None:
    """List checkpoints, newest first."""
    from eventsrc.service.checkpoints import checkpoints

    found = checkpoints(directory(data, config_file)).all()
    if as_json:
        emit_json(found)
    elif not found:
        message("no checkpoints yet; 'eventsrc checkpoint' makes one")
    else:
        rows = [
            (one["id"], moment(one["created"]), str(one["position"]), size(one["bytes"]), one["label"] or "")
            for one in found
        ]
        emit_table(("id", "created", "position", "size", "label"), rows)


@checkpoint.command()
@click.argument("name", default="latest")
@common
def show(name: str, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Show what is in a checkpoint: NAME is an id, its beginning, a label, or `latest`."""
    from eventsrc.service.checkpoints import checkpoints

    emit_json(checkpoints(directory(data, config_file)).show(name))


@checkpoint.command()
@click.argument("name", default="latest")
@common
def verify(name: str, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Check every file of a checkpoint. Exit code 12 when something is wrong."""
    from eventsrc.service.checkpoints import checkpoints

    problems = checkpoints(directory(data, config_file)).verify(name)
    if as_json:
        emit_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems:
            message(problem)
        click.echo("damaged" if problems else "ok")
    return 12 if problems else 0


@checkpoint.command()
@click.argument("name")
@common
def remove(name: str, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Take a checkpoint away: NAME is an id, its beginning, a label, or `latest`. The log is not touched."""
    from eventsrc.service.checkpoints import checkpoints

    gone = checkpoints(directory(data, config_file)).remove(name)
    if as_json:
        emit_json(gone)
    else:
        click.echo(f"removed checkpoint {gone['id']}, {size(gone['bytes'])}")


@checkpoint.command()
@click.option("--keep-last", type=click.IntRange(0), default=None, help="Keep the newest so many.")
@click.option("--keep-daily", type=click.IntRange(0), default=0, help="Keep the newest of each of so many days.")
@click.option("--keep-weekly", type=click.IntRange(0), default=0, help="Keep the newest of each of so many weeks.")
@click.option("--dry-run", is_flag=True, default=False, help="Only say which ones would go.")
@common
def prune(
    keep_last: int | None, keep_daily: int, keep_weekly: int, dry_run: bool, data: str | None, config_file: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Take away checkpoints that are not to be kept; those with a label always stay, the log is not touched.

    Without --keep-last as many of the newest stay as the service keeps.
    """
    from eventsrc.checkpoint import Policy
    from eventsrc.service.checkpoints import checkpoints

    settings = loaded(data, config_file).settings
    last = settings.checkpoint.keep if keep_last is None else keep_last
    place = data_directory(settings)
    gone = checkpoints(place).prune(Policy(last, keep_daily, keep_weekly), pretend=dry_run)
    if as_json:
        emit_json(gone)
        return
    for one in gone:
        click.echo(f"{one['id']}  {moment(one['created'])}  {size(one['bytes'])}")
    message(f"{len(gone)} checkpoints {'would be ' if dry_run else ''}removed")


@checkpoint.command()
@click.argument("one")
@click.argument("other", default="latest")
@common
def diff(one: str, other: str, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Say what happened between two checkpoints, in whichever order they are named.

    Events by type from the log; sessions, rounds, messages, tokens, errors, speakers and domains from the copies in
    the checkpoints. --json: "older", "newer" (each with "rows" and "figures"), "events", "by_type", "streams", and in
    "rows" and "figures" what there is more.
    """
    import msgspec

    from eventsrc.cli.difference import lines
    from eventsrc.cli.progress import Progress
    from eventsrc.service.differences import difference_of

    with Progress("compare", "events") as bar:
        found = difference_of(directory(data, config_file), one, other, bar.update)
    if as_json:
        emit_json(msgspec.to_builtins(found))
        return
    for line in lines(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000):
        click.echo(line)


@checkpoint.command()
@click.argument("name", default="latest")
@common
def restore(name: str, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Put the read models back to a checkpoint; they catch up from there. Needs the service to be stopped."""
    from eventsrc.errors import ReadModelsInUse
    from eventsrc.service.checkpoints import checkpoints
    from eventsrc.service.offline import client

    place = directory(data, config_file)
    service = client(place)
    if service.running():
        raise ReadModelsInUse(path=place, holder=f"pid {service.request('GET', '/v1/status')['pid']}", name=name)
    report = checkpoints(place).restore(name)
    if as_json:
        emit_json(report)
    else:
        click.echo(f"restored {', '.join(report['read_models'])} from checkpoint {report['id']}")
