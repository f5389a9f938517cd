"""`eventsrc verify`: read only, like `git fsck`."""

from __future__ import annotations

import click
import msgspec

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, message, safe
from eventsrc.errors import NoStore


@click.command()
@common
def verify(data: str | None, config_file: str | None, as_json: bool) -> int:
    """Check every byte of the log: checksums, positions, whole batches, the chain of sealed segments.

    Changes nothing and may run beside the service. Exit code 12 when something is wrong.
    """
    from eventsrc.log import verify as check

    place = directory(data, config_file)
    if not (place / "log").is_dir():
        raise NoStore(path=place)
    verdict = check(place)
    if as_json:
        emit_json(msgspec.to_builtins(verdict))
    else:
        for problem in verdict.problems:
            where = f"{problem.segment}: line {problem.line}, byte {problem.byte}"
            click.echo(safe(f"{where}: {problem.kind}: {problem.detail}"))
        word = "ok" if verdict.ok else f"{len(verdict.problems)} problems"
        message(f"{verdict.segments} segments, {verdict.events} events: {word}")
    return 0 if verdict.ok else 12
