"""`eventsrc attach ID`: what something has done so far, and then what it does, until it ends or the reader leaves."""

from __future__ import annotations

from pathlib import Path

import click

from eventsrc.cli.attach_experiment import attach_experiment, find_experiments
from eventsrc.cli.attach_session import attach_session, find_sessions
from eventsrc.cli.attached import Found, Kind, Options
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import message
from eventsrc.errors import NothingToAttach, UsageError

LISTED = 20  # of the things that a beginning of an id may mean
KINDS = (
    Kind("session", find_sessions, attach_session),
    Kind("experiment", find_experiments, attach_experiment),
)
"""What can be attached to, in the order in which it is looked for."""


@click.command()
@click.argument("id")
@click.option("--tail", is_flag=True, default=False, help="One line per event.")
@common
def attach(id: str, tail: bool, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Follow one session or experiment: what it has done so far, then live.

    ID is that of a session, an experiment or a single conversation; its beginning is enough. Ctrl-C detaches, and
    nothing stops. --json gives the events, one per line. An experiment shows how far it is; --tail, what is said.

    Ends when the session does, with its outcome: 0 its last round is complete, 1 it failed, 3 it was aborted or
    interrupted. Where nothing writes the log, it ends after what is there, with 3.
    """
    place = directory(data, config_file)
    kind, found = _one(place, id)
    try:
        return kind.attach(place, found, Options(tail, as_json))
    except KeyboardInterrupt:
        message(f"detached; {kind.name} {found.id} goes on")
        raise


def _one(place: Path, id: str) -> tuple[Kind, Found]:
    """The only thing that has this id, or the only one whose id begins so."""
    if not id:
        raise UsageError(reason="an id is not empty; 'eventsrc agents sessions' lists sessions")
    found = [(kind, one) for kind in KINDS for one in kind.find(place, id)]
    exact = [pair for pair in found if pair[1].id == id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise NothingToAttach(what=" or ".join(kind.name for kind in KINDS), name=id)
    listed = "\n".join(f"  {kind.name} {one.id}  {one.about}" for kind, one in found[:LISTED])
    more = "" if len(found) <= LISTED else f"\n  … {len(found) - LISTED} more"
    message(f"{id!r} is the beginning of {len(found)} ids:\n{listed}{more}")
    raise UsageError(reason=f"give more of the id than {id!r}")
