"""`eventsrc completion SHELL`: what a shell needs to complete commands and options."""

from __future__ import annotations

import sys

import click

from eventsrc.cli.output import message

VARIABLE = "_EVENTSRC_COMPLETE"
"""What the script sets when it asks; click answers it before any command runs."""

PLACES = {
    "bash": ("~/.local/share/bash-completion/completions/eventsrc", ""),
    "zsh": ("~/.zfunc/_eventsrc", "; ~/.zshrc needs 'fpath+=~/.zfunc' before compinit"),
    "fish": ("~/.config/fish/completions/eventsrc.fish", ""),
}


@click.command()
@click.argument("shell", type=click.Choice(list(PLACES)))
def completion(shell: str) -> None:
    """Print the completion script of a shell: bash, zsh or fish.

    Kept where the shell looks for it, it works from the next shell on; on a terminal the command says where that is.
    """
    from click.shell_completion import get_completion_class

    known = get_completion_class(shell)
    assert known is not None, "click knows every shell in PLACES"
    click.echo(known(click.get_current_context().find_root().command, {}, "eventsrc", VARIABLE).source())
    if sys.stdout.isatty():
        place, more = PLACES[shell]
        message(f"to keep it: mkdir -p {place.rpartition('/')[0]} && eventsrc completion {shell} > {place}{more}")
