"""The `eventsrc` command: finds the subcommand, and turns every outcome into an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NoReturn

import click

from eventsrc.errors import EventsrcError

COMMANDS = {
    "serve": "eventsrc.cli.serve:serve",
    "demo": "eventsrc.cli.demo:demo",
    "ingest": "eventsrc.cli.ingest:ingest",
    "tail": "eventsrc.cli.tail:tail",
    "attach": "eventsrc.cli.attach:attach",
    "status": "eventsrc.cli.status:status",
    "agents": "eventsrc.cli.agents:agents",
    "experiments": "eventsrc.cli.experiments:experiments",
    "conversations": "eventsrc.cli.conversations:conversations",
    "query": "eventsrc.cli.query:query",
    "rebuild": "eventsrc.cli.rebuild:rebuild",
    "checkpoint": "eventsrc.cli.checkpoint:checkpoint",
    "verify": "eventsrc.cli.verify:verify",
    "broker": "eventsrc.cli.broker:broker",
    "config": "eventsrc.cli.config:config",
    "service": "eventsrc.cli.service:service",
    "hooks": "eventsrc.cli.hooks:hooks",
}
"""Name → where it is; the order is the order of `--help`."""

ABOUT = {
    "serve": "Follow agents' records and keep the read models up to date.",
    "demo": "Play a generated stream, so that anyone sees it work.",
    "ingest": "Record files or standard input once.",
    "tail": "Show the newest events; -f goes on.",
    "attach": "Follow one session: what it did, then live.",
    "status": "What runs, how far it is, what waits.",
    "agents": "Sessions, rounds, tools: what agents did and do.",
    "experiments": "Dialogues between models: how far, what became of them.",
    "conversations": "What agents said to each other.",
    "query": "Ask a read model in SQL.",
    "rebuild": "Build read models again from the log.",
    "checkpoint": "Make, list, verify and restore checkpoints.",
    "verify": "Check every byte of the log; changes nothing.",
    "broker": "Forward messages between agents over ZeroMQ; records nothing.",
    "config": "Show the settings in force and where they come from.",
    "service": "Run by systemd: install, uninstall, status.",
    "hooks": "Let Claude Code tell what it does: install, uninstall, status.",
}


class Commands(click.Group):
    """Imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(ABOUT.items()))


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"eventsrc {version('eventsrc')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, default=False, expose_value=False, is_eager=True, callback=_version)
def cli() -> None:
    """Records what AI agents do, durably and exactly once, and answers what runs, hangs, fails and costs.

    Everything lives in one data directory: --data DIR, or EVENTSRC_DATA. Data goes to stdout, messages to stderr;
    --json everywhere. Exit codes: 0 ok, 1 error, 2 usage, 3 not running or partial, 4 not allowed, 10 no store,
    11 lock held, 12 integrity failure, 13 incompatible schema, 75 try again.
    """


def main() -> NoReturn:
    """Entry point of the console script; always exits."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code."""
    try:
        outcome: Any = cli.main(arguments, prog_name="eventsrc", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return 2 if isinstance(error, click.UsageError) else 1
    except EventsrcError as error:
        return report(error)
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except PermissionError as error:
        click.echo(f"eventsrc: {error.strerror}: {error.filename}", err=True)
        return 4
    except BrokenPipeError:  # the reader of our output went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def report(error: EventsrcError) -> int:
    """Says what went wrong and what to do next, on stderr; returns the exit code."""
    from eventsrc.cli.output import safe

    click.echo(f"eventsrc: {safe(str(error))}", err=True)
    if error.advice():
        click.echo(f"  {safe(error.advice())}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
