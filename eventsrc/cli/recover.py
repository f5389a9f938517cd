"""`eventsrc recover`: going on from a checkpoint; a menu on a terminal, and flags for everything in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, message
from eventsrc.errors import NoStore, UsageError

if TYPE_CHECKING:
    from eventsrc.service.pieces import Choice

CHOICES = ("load", "new", "view", "words", "diagnostics")
NAMES = {"words": "search"}


@click.command()
@click.option("--load", default=None, metavar="ID", help="Begin a branch on this checkpoint: id, label or `latest`.")
@click.option("--new", is_flag=True, default=False, help="Begin a branch that builds on nothing.")
@click.option("--view", is_flag=True, default=False, help="What was said last.")
@click.option("--search", "words", default=None, metavar="WORDS", help="Where something was said.")
@click.option("--diagnostics", is_flag=True, default=False, help="How recording stands.")
@click.option("--name", default=None, help="Name of the branch that --load or --new begins.")
@click.option("--out", type=click.Path(file_okay=False), default=None, help="With --load: give it out to this folder.")
@click.option("--session", default=None, help="With --out: this session; the beginning of its id is enough.")
@click.option("--thread", default=None, help="With --out: this thread of messages.")
@click.option("--messages", is_flag=True, default=False, help="With --out: all messages between agents.")
@click.option("-n", "--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="--view, --search.")
@click.option("--no-input", is_flag=True, default=False, help="Never ask: list, unless a flag says what to do.")
@common
def recover(data: str | None, config_file: str | None, as_json: bool, no_input: bool, **given: Any) -> int:
    """Go on from a checkpoint: a menu on a terminal, a list otherwise; every choice is also a flag.

    --load makes a checkpoint the base of a new branch, which is a record in the log: nothing is cut, and what came
    later stays listed. With --out the conversation up to there is written to a folder, as Markdown, as JSON, and for a
    session of Claude Code as a transcript that it can resume; never over a file that is there. Without --session,
    --thread or --messages it is the one that went on last.

    --json: a list has "checkpoints" and "branches"; --load and --new give the branch with "files", "left_behind" and
    "conversation"; --view and --search an array of what was said; --diagnostics one object.
    """
    place = directory(data, config_file)
    if not (place / "log").is_dir():
        raise NoStore(path=place)
    wanted = [name for name in CHOICES if given[name]]
    _check(wanted, given)
    if wanted:
        return ONE[wanted[0]](place, given, as_json)
    if no_input or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _list(place, as_json)
    _menu(place, "leave")
    return 0


def menu(place: Path) -> bool:
    """The menu before something else, as `eventsrc launch` shows it; False when the person wants to quit.

    Where nothing was recorded there is nothing to recover, so nobody is asked."""
    return _menu(place, "go on") if (place / "log").is_dir() else True


def _menu(place: Path, onward: str) -> bool:
    from eventsrc.cli.recovery.menu import run_menu
    from eventsrc.cli.recovery.talk import Talk, typed

    return run_menu(place, Talk(typed, shutil.get_terminal_size().columns), onward)


def _check(wanted: list[str], given: Mapping[str, Any]) -> None:
    """Flags that contradict each other would do something that nobody meant."""
    if len(wanted) > 1:
        named = " and ".join(f"--{NAMES.get(name, name)}" for name in wanted)
        raise UsageError(reason=f"{named} are different choices; give one of them")
    chosen = [f"--{name}" for name in ("session", "thread", "messages") if given[name]]
    if len(chosen) > 1:
        raise UsageError(reason=f"{' and '.join(chosen)} are different conversations; give one of them")
    if chosen and given["out"] is None:
        raise UsageError(reason=f"{chosen[0]} needs --out DIR, the folder that it is written to")
    if given["out"] is not None and not given["load"]:
        raise UsageError(reason="--out goes with --load ID: what is to be given out, and up to where?")
    if given["name"] is not None and not (given["load"] or given["new"]):
        raise UsageError(reason="--name goes with --load or --new")


def _list(place: Path, as_json: bool) -> int:
    from eventsrc.cli.recovery.lists import branch_line, listing, show_checkpoints

    found = listing(place)
    if as_json:
        emit_json(found)
        return 0
    if found["checkpoints"]:
        show_checkpoints(found["checkpoints"], found["branches"])
    else:
        message("no checkpoints yet; 'eventsrc checkpoint' makes one")
    message(branch_line(found["branches"]))
    return 0


def _load(place: Path, given: Mapping[str, Any], as_json: bool) -> int:
    from eventsrc.service.branches import begin

    out = Path(given["out"]).expanduser() if given["out"] is not None else None
    return _begun(begin(place, given["load"], given["name"], _choice(given), out), as_json)


def _new(place: Path, given: Mapping[str, Any], as_json: bool) -> int:
    from eventsrc.service.branches import begin_new

    return _begun(begin_new(place, given["name"]), as_json)


def _begun(report: dict[str, Any], as_json: bool) -> int:
    from eventsrc.cli.recovery.told import begun_lines

    if as_json:
        emit_json(report)
    else:
        for line in begun_lines(report):
            click.echo(line)
    return 0


def _choice(given: Mapping[str, Any]) -> Choice | None:
    from eventsrc.service.pieces import Choice

    if given["messages"]:
        return Choice("messages")
    if given["thread"]:
        return Choice("thread", given["thread"])
    return Choice("session", given["session"]) if given["session"] else None


def _view(place: Path, given: Mapping[str, Any], as_json: bool) -> int:
    from eventsrc.cli.recovery.menu import recent, view

    if as_json:
        emit_json(recent(place, given["limit"]))
    else:
        view(place, _width(), given["limit"])
    return 0


def _search(place: Path, given: Mapping[str, Any], as_json: bool) -> int:
    from eventsrc.cli.search import found, plain, show
    from eventsrc.query.words import words_of

    values = {"kind": None, "session": None, "since": None, "limit": given["limit"], "offset": 0}
    rows = found(place, words_of(given["words"]), False, values)
    if as_json:
        emit_json([plain(row) for row in rows])
    for row in rows if not as_json else ():
        show(row)
    if not rows and not as_json:
        message("nothing was found")
    return 0


def _diagnostics(place: Path, _given: Mapping[str, Any], as_json: bool) -> int:
    from eventsrc.cli.recovery.told import diagnosis_lines
    from eventsrc.clock import SystemClock
    from eventsrc.service.diagnosis import diagnosis

    found = diagnosis(place, SystemClock())
    if as_json:
        emit_json(found)
    else:
        for line in diagnosis_lines(found):
            click.echo(line)
    return 0


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000


ONE = {"load": _load, "new": _new, "view": _view, "words": _search, "diagnostics": _diagnostics}
"""Flag → what it does; returns the exit code."""
