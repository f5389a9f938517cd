"""The `eventsrc` command: finds the subcommand, and turns every outcome into an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from eventsrc import __version__
from eventsrc.errors import EventsrcError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "serve": "eventsrc.cli.serve:serve",
    "demo": "eventsrc.cli.demo:demo",
    "ingest": "eventsrc.cli.ingest:ingest",
    "status": "eventsrc.cli.status:status",
    "monitor": "eventsrc.cli.monitor.command:monitor",
    "agents": "eventsrc.cli.agents:agents",
    "attach": "eventsrc.cli.attach:attach",
    "tail": "eventsrc.cli.tail:tail",
    "search": "eventsrc.cli.search:search",
    "conversations": "eventsrc.cli.conversations:conversations",
    "experiments": "eventsrc.cli.experiments:experiments",
    "report": "eventsrc.cli.report:report",
    "query": "eventsrc.cli.query:query",
    "launch": "eventsrc.cli.launch:launch",
    "hooks": "eventsrc.cli.hooks:hooks",
    "broker": "eventsrc.cli.broker:broker",
    "export": "eventsrc.cli.export:export",
    "load-db": "eventsrc.cli.load_db:load_db",
    "checkpoint": "eventsrc.cli.checkpoint:checkpoint",
    "recover": "eventsrc.cli.recover:recover",
    "rebuild": "eventsrc.cli.rebuild:rebuild",
    "verify": "eventsrc.cli.verify:verify",
    "config": "eventsrc.cli.config:config",
    "doctor": "eventsrc.cli.doctor:doctor",
    "service": "eventsrc.cli.service:service",
    "completion": "eventsrc.cli.completion:completion",
}
"""Name → where it is; the order is the order of `--help`."""

ABOUT = {
    "serve": "Follow agents' records and keep the read models up to date.",
    "demo": "Play a generated stream, so that anyone sees it work.",
    "ingest": "Record files or standard input once.",
    "status": "What runs, how far it is, what waits.",
    "monitor": "Everything that runs, full-screen.",
    "agents": "Sessions, rounds, tools: what agents did and do.",
    "attach": "Follow a session or an experiment: what it did, then live.",
    "tail": "Show the newest events; -f goes on.",
    "search": "Words in everything that was said.",
    "conversations": "What agents said to each other.",
    "experiments": "Dialogues between models: how far, what became of them.",
    "report": "A stretch of time in words, numbers and charts.",
    "query": "Ask a read model in SQL.",
    "launch": "Run an agent with a recorder beside it.",
    "hooks": "Let Claude Code tell at once what it does.",
    "broker": "Forward messages between agents over ZeroMQ; records nothing.",
    "export": "Give out what was recorded, for other programs.",
    "load-db": "Load experiments into a DuckDB file.",
    "checkpoint": "Make, list, verify and restore checkpoints.",
    "recover": "Go on from a checkpoint: a menu, or flags.",
    "rebuild": "Build read models again from the log.",
    "verify": "Check every byte of the log; changes nothing.",
    "config": "Show the settings in force and where they come from.",
    "doctor": "What is wrong or will be, and what mends it.",
    "service": "Run by systemd: install, uninstall, status.",
    "completion": "Print the completion script of a shell.",
}


class Commands(click.Group):
    """Imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return _read_model(cmd_name)
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names from the table: a key press imports no command."""
        from click.shell_completion import CompletionItem

        found = [name for name in COMMANDS if name.startswith(incomplete)]
        names = [CompletionItem(name, help=ABOUT[name].replace(",", ";")) for name in found]  # fish splits at commas
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(ABOUT.items()))


def _read_model(name: str) -> click.Command | None:
    """The commands of a read model that somebody added: its named questions."""
    from eventsrc.cli.questions import Questions
    from eventsrc.projector.discovery import discover

    found = discover().projections.get(name)
    return None if found is None else Questions(name, help=f"Questions to the read model {name}.")


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"eventsrc {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, default=False, expose_value=False, is_eager=True, callback=_version)
@click.option("--data", type=click.Path(file_okay=False), default=None, help="Data directory, for any command.")
def cli(data: str | None) -> None:
    """Records what AI agents do, durably and exactly once, and answers what runs, hangs, fails and costs.

    Everything lives in one data directory: --data DIR, or EVENTSRC_DATA. Data goes to stdout, messages to stderr;
    --json everywhere. Exit codes: 0 ok, 1 error, 2 usage, 3 not running or partial, 4 not allowed, 10 no store,
    11 lock held, 12 integrity failure, 13 incompatible schema, 75 try again.
    """
    if os.environ.get("NO_COLOR"):  # no-color.org: set and not empty
        click.get_current_context().color = False


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
