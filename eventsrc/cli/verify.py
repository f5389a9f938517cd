"""`eventsrc verify`: read only, like `git fsck`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import counted, emit_json, message, safe
from eventsrc.errors import NoStore

if TYPE_CHECKING:
    from eventsrc.log import Verdict


@click.command()
@click.option("--record", is_flag=True, default=False, help="Note the outcome beside the log; doctor tells its age.")
@common
def verify(record: bool, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Check every byte of the log: checksums, positions, whole batches, the chain of sealed segments.

    Changes nothing of the log and may run beside the service. Exit code 12 when something is wrong.
    """
    from eventsrc.log import verify as check

    place = directory(data, config_file)
    if not (place / "log").is_dir():
        raise NoStore(path=place)
    verdict = check(place)
    if record:
        _note(place, verdict)
    if as_json:
        emit_json(msgspec.to_builtins(verdict))
    else:
        for problem in verdict.problems:
            where = f"{problem.segment}: line {problem.line}, byte {problem.byte}"
            click.echo(safe(f"{where}: {problem.kind}: {problem.detail}"))
        word = "ok" if verdict.ok else counted(len(verdict.problems), "problem")
        message(f"{counted(verdict.segments, 'segment')}, {counted(verdict.events, 'event')}: {word}")
    return 0 if verdict.ok else 12


def _note(place: Path, verdict: Verdict) -> None:
    from eventsrc.clock import SystemClock
    from eventsrc.durable import SystemDisk
    from eventsrc.log.verified import note

    note(place, verdict, SystemDisk(), SystemClock())
