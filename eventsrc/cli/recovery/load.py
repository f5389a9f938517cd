"""[L]oad: choosing a checkpoint and a conversation, a look at both, and only then the branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eventsrc.cli.fit import shortened
from eventsrc.cli.output import message, moment, safe, size
from eventsrc.cli.recovery.lists import counts, show_conversations
from eventsrc.cli.recovery.talk import Talk
from eventsrc.cli.recovery.told import begun_lines
from eventsrc.limits import MENU_CHECKPOINTS, MENU_ROWS

if TYPE_CHECKING:
    from eventsrc.service.pieces import Listed

T = TypeVar("T")


class _Back(Exception):
    """The person wants the menu again."""


def load(place: Path, talk: Talk) -> None:
    """The whole dialogue; `b` or the end of input leaves it at any question, with nothing done."""
    try:
        _load(place, talk)
    except _Back:
        message("nothing was changed")


def _load(place: Path, talk: Talk) -> None:
    from eventsrc.service.branches import begin
    from eventsrc.service.checkpoints import checkpoints

    kept = checkpoints(place)
    wanted = _numbered(talk, "which checkpoint", [one["id"] for one in kept.all()[:MENU_CHECKPOINTS]])
    assert wanted is not None, "an empty line is no answer here"
    meta = kept.check(wanted)
    known = _preview(place, meta)
    choice = out = None
    if known:
        show_conversations(known[:MENU_ROWS])
        choice = _numbered(talk, "which one to give out (Enter: none)", known[:MENU_ROWS], optional=True)
    if choice is not None:
        _ends(meta, choice, talk.width)
        out = Path(_asked(talk, "into which folder (Enter: this one): ") or ".").expanduser()
    name = _asked(talk, "name of the branch (Enter: none): ")
    if _asked(talk, f"begin a branch on checkpoint {meta['id']}? [y/N] ").lower() not in ("y", "yes"):
        raise _Back
    for line in begun_lines(begin(place, meta["id"], name or None, choice, out)):
        click.echo(line)
    talk.ask("Enter: back ")


def _preview(place: Path, meta: Mapping[str, Any]) -> list[Listed]:
    """Says what the checkpoint is; returns what it knows."""
    from eventsrc.log import LogReader
    from eventsrc.service.as_of import AsOf
    from eventsrc.service.pieces import conversations

    label = f" '{safe(meta['label'])}'" if meta["label"] else ""
    many = counts(meta)
    later = LogReader(place).head() - meta["position"]
    click.echo()
    click.echo(f"checkpoint {meta['id']}{label} of {moment(meta['created'])}, {size(meta['bytes'])}")
    click.echo(f"position {meta['position']:,}: {many['messages']:,} messages, {many['sessions']:,} sessions")
    click.echo(f"{later:,} later events stay in the log whatever is chosen here")
    with AsOf(meta["id"], Path(meta["path"])) as as_of:
        known = conversations(as_of)
    if len(known) > MENU_ROWS:
        click.echo(f"the last {MENU_ROWS} of {len(known)} conversations; others by --session, --thread")
    return known


def _ends(meta: Mapping[str, Any], choice: Listed, width: int) -> None:
    """The first and the last thing that was said in a conversation."""
    from eventsrc.service.as_of import AsOf
    from eventsrc.service.pieces import found

    with AsOf(meta["id"], Path(meta["path"])) as as_of:
        turns = [turn for turn in found(as_of, choice).turns if turn.text]
    for name, turn in zip(("first", "last"), (turns[0], turns[-1]) if turns else (), strict=False):
        text = safe(" ".join(turn.text.split()))
        head = f"{name:<5} {moment(turn.time)[:16]} {safe(turn.sender)}: "
        click.echo(shortened(head + text, width))


def _asked(talk: Talk, prompt: str) -> str:
    answer = talk.ask(prompt)
    if answer is None or answer.lower() in ("b", "back"):
        raise _Back
    return answer


def _numbered(talk: Talk, what: str, shown: Sequence[T], *, optional: bool = False) -> T | None:
    """One of those that are shown; nothing else counts. None for an empty line, where that is an answer."""
    while True:
        answer = _asked(talk, f"{what}, 1 to {len(shown)}, b: back: ")
        if not answer and optional:
            return None
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(shown):
            return shown[int(answer) - 1]
        message(f"type a number from 1 to {len(shown)}, or b")
