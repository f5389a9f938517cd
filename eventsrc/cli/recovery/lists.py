"""Checkpoints, branches and what can be given out, as they are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eventsrc.cli.output import emit_table, moment, safe, size
from eventsrc.limits import MENU_CHECKPOINTS

if TYPE_CHECKING:
    from eventsrc.branch import Branch
    from eventsrc.service.pieces import Listed

Meta = Mapping[str, Any]


def listing(place: Path) -> dict[str, Any]:
    """`recover --json`: `data`, `head`, `checkpoints` and `branches`, both newest first.

    A checkpoint has what `checkpoint list --json` says, and `messages`, `sessions`, `branches` (ids of those that it
    is the base of). A branch: `branch`, `name`, `base_position`, `checkpoint`, `label`, `digest`, `files`, `position`,
    `begun`, `until`, `left_behind`, `events`."""
    import msgspec

    from eventsrc.log import LogReader
    from eventsrc.service.branches import branches
    from eventsrc.service.checkpoints import checkpoints

    kept, known = checkpoints(place).all(), branches(place)
    return {
        "data": str(place),
        "head": LogReader(place).head(),
        "checkpoints": [{**meta, **counts(meta), "branches": _on(meta, known)} for meta in kept],
        "branches": [
            {**msgspec.to_builtins(one), "left_behind": one.left_behind, "events": one.events} for one in known
        ],
    }


def counts(meta: Meta) -> dict[str, int]:
    """Messages of every kind, and sessions, in a checkpoint: rows of the tables that are called so."""
    rows = [copy["rows"] for copy in meta["read_models"].values()]
    return {name: sum(one.get(name, 0) for one in rows) for name in ("messages", "sessions")}


def show_checkpoints(kept: Sequence[Meta], known: Sequence[Mapping[str, Any]]) -> None:
    """The newest ones with the numbers by which the menu knows them."""
    named = {one["branch"]: one["name"] or one["branch"] for one in known}
    lines = []
    for number, meta in enumerate(kept[:MENU_CHECKPOINTS], 1):
        bases = ", ".join(named[id_] for id_ in meta["branches"])
        lines.append(
            (
                str(number),
                meta["id"],
                moment(meta["created"])[:16],
                f"{meta['messages']:,}",
                size(meta["bytes"]),
                meta["label"] or "",
                bases,
            )
        )
    columns = ("#", "id", "created", "messages", "size", "label", "base of")
    width = 7 if any(line[-1] for line in lines) else 6
    emit_table(columns[:width], [line[:width] for line in lines])
    if len(kept) > MENU_CHECKPOINTS:
        click.echo(f"… and {len(kept) - MENU_CHECKPOINTS} more: 'eventsrc checkpoint list'")


def branch_line(known: Sequence[Mapping[str, Any]]) -> str:
    """What goes on now, in one line."""
    if not known:
        return "no branch yet: everything in the log is one line"
    now = known[0]
    base = f"checkpoint {now['checkpoint']}" if now["checkpoint"] else "nothing"
    events = f"{now['events']:,} events since {moment(now['begun'])[:16]}"
    return f"branch {now['branch']} on {base}, {events}" + (f": {safe(now['name'])}" if now["name"] else "")


def show_conversations(found: Sequence[Listed]) -> None:
    """What a checkpoint knows, with numbers."""
    lines = [
        (
            str(number),
            one.kind,
            one.name[:18],
            moment(one.last_time)[:16],
            _length(one),
            " ".join(one.title.split()),
        )
        for number, one in enumerate(found, 1)
    ]
    emit_table(("#", "what", "name", "last", "length", "about"), lines)


def _length(one: Listed) -> str:
    unit = "round" if one.kind == "session" else "message"
    return f"{one.count:,} {unit}{'' if one.count == 1 else 's'}"


def _on(meta: Meta, known: Sequence[Branch]) -> list[str]:
    return [one.branch for one in known if one.checkpoint == meta["id"]]
