"""The loop: shows what there is, asks for a choice, does it, and shows again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from eventsrc.cli.fit import shortened
from eventsrc.cli.output import message, safe
from eventsrc.cli.recovery.lists import branch_line, listing, show_checkpoints
from eventsrc.cli.recovery.load import load
from eventsrc.cli.recovery.talk import Talk, tell
from eventsrc.cli.recovery.told import begun_lines, diagnosis_lines, said_line
from eventsrc.errors import EventsrcError
from eventsrc.limits import MENU_ROWS

KEYS = {"l": "[L]oad", "n": "[N]ew", "v": "[V]iew recent", "s": "[S]earch", "d": "[D]iagnostics", "q": "[Q]uit"}
NEED_CHECKPOINTS = ("l",)
CHANGE = ("l", "n")
"""After these the list is another one. Reading it again each time would cost a segment of the log."""


def run_menu(place: Path, talk: Talk, onward: str) -> bool:
    """Until the person goes on (True) or quits (False). `onward` says what an empty line does.

    Raises `NoStore`, `LogCorrupt` when there is nothing to show."""
    found = listing(place)
    while True:
        keys = {key: name for key, name in KEYS.items() if found["checkpoints"] or key not in NEED_CHECKPOINTS}
        click.echo()
        click.echo(shortened(f"eventsrc recovery: {found['head']:,} events in {safe(str(place))}", talk.width))
        click.echo(shortened(branch_line(found["branches"]), talk.width))
        click.echo()
        if found["checkpoints"]:
            show_checkpoints(found["checkpoints"], found["branches"])
        else:
            click.echo("no checkpoints yet; 'eventsrc checkpoint' makes one")
        click.echo()
        click.echo("  ".join(keys.values()) + f"  Enter: {onward}")
        choice = talk.ask("> ")
        if choice == "":
            return True
        if choice is None or choice.lower() in ("q", "quit"):
            return False
        key = choice.lower()[:1] if choice.lower() in _words(keys) else ""
        _do(key, place, talk)
        if key in CHANGE:
            found = listing(place)


def _words(keys: Mapping[str, str]) -> set[str]:
    """What may be typed: the key, or its word."""
    return {*keys, *(name.replace("[", "").replace("]", "").split()[0].lower() for name in keys.values())}


def _do(key: str, place: Path, talk: Talk) -> None:
    action = ACTIONS.get(key)
    if action is None:
        message("type one of the letters in brackets")
        return
    try:
        action(place, talk)
    except EventsrcError as error:
        tell(error)
    if key in ("v", "d"):
        talk.ask("Enter: back ")


def _new(place: Path, talk: Talk) -> None:
    from eventsrc.service.branches import begin_new

    name = talk.ask("name of the branch (Enter: none, b: back): ")
    if name is None or name.lower() == "b":
        return
    for line in begun_lines(begin_new(place, name or None)):
        click.echo(line)


def recent(place: Path, limit: int) -> list[dict[str, Any]]:
    """What was said last, newest first: prompts, answers, messages, what models said in experiments."""
    from eventsrc.service.asking import read_models

    return read_models(place).ask("search", "recent", {"limit": limit}).objects()


def view(place: Path, width: int, limit: int) -> None:
    """Shows it, the newest at the bottom."""
    rows = recent(place, limit)
    for row in reversed(rows):
        click.echo(said_line(row, width))
    if not rows:
        message("nothing was said yet")


def _search(place: Path, talk: Talk) -> None:
    from eventsrc.cli.search import found, show
    from eventsrc.query.words import words_of

    words = talk.ask("words: ")
    if not words:
        return
    asked, page = words_of(words), 0
    while True:
        values = {"kind": None, "session": None, "since": None, "limit": PAGE + 1, "offset": page * PAGE}
        rows = found(place, asked, False, values)
        for row in rows[:PAGE]:
            show(row)
        if not rows:
            message("nothing was found")
        if len(rows) <= PAGE:
            talk.ask("Enter: back ")
            return
        if talk.ask("Enter: more, b: back ") != "":
            return
        page += 1


PAGE = 5
"""Matches on one page: each takes three lines or more."""


def _diagnose(place: Path, _talk: Talk) -> None:
    from eventsrc.clock import SystemClock
    from eventsrc.service.diagnosis import diagnosis

    for line in diagnosis_lines(diagnosis(place, SystemClock())):
        click.echo(line)


ACTIONS: Mapping[str, Callable[[Path, Talk], None]] = {
    "l": load,
    "n": _new,
    "v": lambda place, talk: view(place, talk.width, MENU_ROWS),
    "s": _search,
    "d": _diagnose,
}
