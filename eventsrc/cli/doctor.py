"""`eventsrc doctor`: what is wrong or will be, and the exact command that mends it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from eventsrc.cli.options import common, loaded
from eventsrc.cli.output import emit_json, message, safe

if TYPE_CHECKING:
    from eventsrc.doctor import Finding

MARKS = {"ok": ("✓", "green"), "careful": ("!", "yellow"), "wrong": ("✗", "red")}


@click.command()
@common
def doctor(data: str | None, config_file: str | None, as_json: bool) -> int:
    """Check the data directory, the machine and the agents around it.

    Every finding has its reason and the command that mends it. Changes nothing and needs no running service. Exit code
    1 when something is wrong. With --json: {"data", "level", "checks": [{"check", "level", "reason", "mend"}]}; levels
    are ok, careful, wrong.
    """
    from eventsrc.clock import SystemClock
    from eventsrc.config import agent_folders, data_directory
    from eventsrc.doctor import Scene, examine, worst
    from eventsrc.source.pattern import roots

    settings = loaded(data, config_file).settings
    place = data_directory(settings)
    named = roots(settings.source.paths or agent_folders())
    followed = tuple(Path(root.path if root.exact else root.folder) for root in named)
    findings = examine(Scene(place, settings, os.environ, SystemClock().now(), followed))
    level = worst(findings)
    if as_json:
        emit_json({"data": str(place), "level": level, "checks": msgspec.to_builtins(findings)})
    else:
        _show(findings)
    return 1 if level == "wrong" else 0


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        mark, colour = MARKS[finding.level]
        first, *more = _wrapped(safe(finding.reason), width + 4)
        click.echo(f"{click.style(mark, fg=colour)} {finding.check:<{width}}  {first}")
        for line in more:
            click.echo(f"  {'':<{width}}  {line}")
        if finding.mend:
            click.echo(f"  {'':<{width}}  → {safe(finding.mend)}")
    count = {level: sum(finding.level == level for finding in findings) for level in MARKS}
    message(f"{count['ok']} ok, {count['careful']} to be careful about, {count['wrong']} wrong")


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines that fit a terminal; commands are never broken, a person copies them."""
    if not sys.stdout.isatty():
        return [text]
    return textwrap.wrap(text, max(40, shutil.get_terminal_size().columns - indent)) or [""]
