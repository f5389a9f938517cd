"""`eventsrc agents …`: the named questions of that read model."""

from __future__ import annotations

import click

from eventsrc.cli.questions import Questions


@click.group(cls=Questions)
def agents() -> None:
    """What coding agents did and are doing: sessions, rounds, messages, tools, tokens."""
