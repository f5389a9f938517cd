"""`eventsrc serve`: the service itself, in the foreground."""

from __future__ import annotations

import sys

import click

from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import message
from eventsrc.config import agent_folders, data_directory

NOTHING = """Nothing to follow: this user has no folders of Claude Code or Codex.
  Name some:            eventsrc serve PATH…
  Or push events:       curl -H 'content-type: application/x-ndjson' {listen}/v1/events --data-binary @file.jsonl
  Or see it work first: eventsrc demo"""


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--listen", default=None, help="HOST:PORT for HTTP; empty: only the Unix socket.")
@common
def serve(paths: tuple[str, ...], listen: str | None, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Follow PATHS (files, folders, globs), or what the configuration names, or the folders of Claude Code and Codex.

    Records every record durably, keeps the read models up to date, serves HTTP on loopback and on the Unix socket in
    the data directory. Ends on SIGTERM or Ctrl-C with nothing lost; may be killed at any instant.
    """
    settings = loaded(data, config_file, http__listen=listen).settings
    place = data_directory(settings)
    chosen = [*paths] or [*settings.source.paths] or [str(folder) for folder in agent_folders()]
    if not chosen:
        message(NOTHING.format(listen=settings.http.listen or f"--unix-socket {place}/eventsrc.sock http://local"))
    elif sys.stderr.isatty():
        message(f"following {', '.join(chosen)}\n'eventsrc monitor' in another terminal shows it; Ctrl-C ends this")
    from eventsrc.service.serve import serve as run

    return run(settings, place, chosen, as_json=as_json)
