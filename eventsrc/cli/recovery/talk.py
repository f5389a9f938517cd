"""Asking a person at a terminal, one line at a time."""

from __future__ import annotations

from collections.abc import Callable

import click
import msgspec

from eventsrc.cli.output import message, safe
from eventsrc.errors import EventsrcError


class Talk(msgspec.Struct, frozen=True):
    """Where answers come from."""

    ask: Callable[[str], str | None]
    """Shows a prompt; the line that was typed, without blanks around it. None when there will be no more."""
    width: int = 80
    """Cells of a line."""


def typed(prompt: str) -> str | None:
    """A line from the terminal; the end of input and Ctrl-C are None."""
    try:
        return input(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        click.echo()
        return None


def tell(error: EventsrcError) -> None:
    """What went wrong, and what to do next; the menu goes on."""
    message(safe(str(error)))
    if error.advice():
        message(f"  {safe(error.advice())}")
