"""`eventsrc tail`: the newest events, like journalctl."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from eventsrc.cli.fit import ID_LEAST, shortened
from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_bytes, emit_json_line, message, moment, safe
from eventsrc.clock import parse_time
from eventsrc.errors import NoStore, UsageError
from eventsrc.event import Event

if TYPE_CHECKING:
    from eventsrc.log import LogReader

BEAT = "eventsrc.heartbeat"
"""What the service writes to measure itself: next to a quiet log it would be all that is seen."""


@click.command()
@click.option("-f", "--follow", is_flag=True, default=False, help="Go on with what is appended.")
@click.option("-n", "--lines", type=click.IntRange(0), default=10, show_default=True, help="How many of the newest.")
@click.option("-S", "--since", default=None, help="Recorded at or after: 2026-01-10T10:00Z, '10 min ago', 2h.")
@click.option("-U", "--until", default=None, help="Recorded before.")
@click.option("-g", "--grep", default=None, help="Only events whose line matches this regular expression.")
@click.option("-o", "--output", type=click.Choice(["short", "json", "cat", "cloudevents"]), default="short")
@click.option("--all", "beats", is_flag=True, default=False, help="Heartbeats of the service, too.")
@click.option("--raw", is_flag=True, default=False, help="The records byte for byte as they were received.")
@common
def tail(**options: object) -> None:
    """Show the newest events of the log; works with and without a running service."""
    request = Request.from_options(options)
    place = directory(*(options[name] for name in ("data", "config_file")))  # type: ignore[arg-type]
    if not (place / "log").is_dir():
        raise NoStore(path=place)
    shown = 0
    for event, line in request.select(place):
        request.show(event, line)
        shown += 1
    if not shown and not request.follow:
        message("no events")


class Request(msgspec.Struct, frozen=True):
    """What was asked for."""

    follow: bool
    lines: int
    since: float | None
    until: float | None
    pattern: re.Pattern[str] | None
    output: str
    beats: bool = False

    @classmethod
    def from_options(cls, options: dict[str, object]) -> Request:
        text = options["grep"]
        try:
            pattern = re.compile(str(text)) if text is not None else None
        except re.error as error:
            raise UsageError(reason=f"--grep is not a regular expression: {error}") from error
        output = "raw" if options["raw"] else "cloudevents" if options["as_json"] else str(options["output"])
        now = time.time()
        since, until = (moment_of(options[name], now) for name in ("since", "until"))
        return cls(
            bool(options["follow"]),
            int(str(options["lines"])),
            since,
            until,
            pattern,
            output,
            bool(options["beats"]),
        )

    def select(self, data: Path) -> Iterator[tuple[Event, bytes]]:
        """The events asked for, oldest first; with `follow` it never ends by itself."""
        from eventsrc.log import LogReader
        from eventsrc.log.tail import follow_lines

        reader = LogReader(data)
        head = reader.head()
        filtered = self.since is not None or self.pattern is not None
        span = head if filtered else self.lines
        kept = self._kept(reader, max(0, head - span), head)
        while span < head and len(kept) < self.lines:  # the newest are beats that nobody asked for
            span = min(head, max(64, 4 * span))
            kept = self._kept(reader, head - span, head)
        yield from kept
        if self.follow:
            yield from (pair for pair in follow_lines(reader, head) if self.wants(*pair))

    def _kept(self, reader: LogReader, after: int, head: int) -> list[tuple[Event, bytes]]:
        kept: list[tuple[Event, bytes]] = []
        while after < head:
            found = reader.lines(after, until=head)
            after = found[-1][0].position
            kept.extend((event, line) for event, line in found if self.wants(event, line))
            if self.since is None:
                del kept[: -self.lines or len(kept)]
        return kept

    def wants(self, event: Event, line: bytes) -> bool:
        """True when an event passes the filters."""
        if event.type == BEAT and not self.beats:
            return False
        recorded = parse_time(event.recordedtime) or 0.0
        if self.since is not None and recorded < self.since:
            return False
        if self.until is not None and recorded >= self.until:
            return False
        return self.pattern is None or bool(self.pattern.search(line.decode("utf-8", "replace")))

    def show(self, event: Event, line: bytes) -> None:
        """One event on stdout."""
        FORMS[self.output](event, line)


def _short(event: Event, _line: bytes) -> None:
    text = event.raw[:200].decode("utf-8", "replace").replace("\n", " ")
    head, subject = f"{event.position:>8} {moment(event.recordedtime)}", event.subject
    if not sys.stdout.isatty():
        click.echo(safe(f"{head} {subject} {event.type} {text}"))
        return
    kind, slash, name = subject.partition("/")  # the beginning of an id is enough for every command
    line = safe(f"{head} {kind}{slash}{name[:ID_LEAST]} {event.type} {text}")
    click.echo(shortened(line, shutil.get_terminal_size().columns))


def event_json(event: Event) -> dict[str, Any]:
    """An event in `--json`: its attributes, and its position as a number."""
    builtins: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(msgspec.Raw,))
    builtins["position"] = event.position
    return builtins


FORMS: dict[str, Callable[[Event, bytes], None]] = {
    "short": _short,
    "json": lambda event, _line: emit_json_line(event_json(event)),
    "cat": lambda event, _line: click.echo(safe(event.raw.decode("utf-8", "replace"))),
    "cloudevents": lambda _event, line: emit_bytes(line + b"\n"),
    "raw": lambda event, _line: emit_bytes(event.raw + b"\n"),
}
