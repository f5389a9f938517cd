"""Attaching to a session of an agent: found in the read model, followed in the log's files.

It needs no service: whoever writes the log, its files are read beside it. What was recorded before is read from the
segments that hold some of the session; from there on, each look costs what was appended since the one before.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import click

from eventsrc.cli.attached import Found, Options, Outcome, Piece, Story, brief
from eventsrc.cli.fit import shortened
from eventsrc.cli.output import emit_json_line, message, moment, safe
from eventsrc.cli.tail import event_json
from eventsrc.errors import NotFound
from eventsrc.event import Event
from eventsrc.limits import ATTACH_LAG_SECONDS, ATTACH_REST_SECONDS, ATTACH_SECONDS, BATCH_EVENTS
from eventsrc.plugin import Reading
from eventsrc.query import harmless

NOT_RUNNING = 3
MOST = 200  # sessions that one beginning of an id may find
QUIET_SECONDS = 1.0  # without an event before it is asked whether anybody writes the log
STYLES = {"prompt": "cyan", "tool": "yellow", "good": "green", "bad": "red", "thinking": "bright_black"}

_Show: TypeAlias = Callable[[Event, Reading], None]


def find_sessions(place: Path, id: str) -> list[Found]:
    """Sessions whose id begins so, the newest first. One that is in the log already is waited for."""
    from eventsrc.log import LogReader
    from eventsrc.service.asking import read_models

    models = read_models(place)
    deadline = time.monotonic() + ATTACH_LAG_SECONDS
    while True:
        try:
            found = models.sql("agents", _BY_PREFIX, (id,), most=MOST).objects()
            behind = models.freshness("agents", LogReader(place).head()).lag_events
        except NotFound:  # the read model has not been built yet
            found, behind = [], 1
        if found or not behind or not _written(place) or time.monotonic() > deadline:
            return [_found(row) for row in found]
        time.sleep(ATTACH_SECONDS)


_BY_PREFIX = """SELECT sid, agent, title, cwd, last_activity_time FROM sessions
  WHERE sid >= ?1 AND sid < ?1 || char(1114111) ORDER BY last_activity_time DESC, sid"""


def _found(row: dict[str, str | int | float | bytes | None]) -> Found:
    last = row["last_activity_time"]
    words = [moment(last if isinstance(last, float) else None), *(row[name] for name in ("agent", "title", "cwd"))]
    return Found(str(row["sid"]), "  ".join(str(word) for word in words if word))


def attach_session(place: Path, found: Found, options: Options) -> int:
    """Shows a session until it is over, or nobody writes the log; returns its outcome, or NOT_RUNNING."""
    from eventsrc.formats.catalogue import Formats
    from eventsrc.projector.portion import reading_of

    formats = Formats.load()

    def read(event: Event) -> Reading:
        outcome = reading_of(event, formats)
        if isinstance(outcome, Reading):
            return outcome
        # no format can read it: --json and --tail show that it is there
        return Reading(event.position, event.id, event.type, event.source, [], recorded=event.recordedtime)

    with _shown(found, options) as show:
        return _follow(place, found, read, show)


def _follow(place: Path, found: Found, read: Callable[[Event], Reading], show: _Show) -> int:
    outcome = Outcome()
    last = asked = time.monotonic()
    for events in session_events(place, f"session/{found.id}"):
        for event in events:
            reading = read(event)
            show(event, reading)
            for fact in reading.facts:
                outcome.take(fact)
        sys.stdout.flush()
        now = time.monotonic()
        last = now if events else last
        if outcome.over and now - last >= ATTACH_REST_SECONDS:
            return outcome.code()
        if now - max(last, asked) >= QUIET_SECONDS:
            asked = now
            if not _written(place):
                message("nothing writes this log now: start 'eventsrc serve' to see what comes")
                return NOT_RUNNING
    raise AssertionError("a session is followed for ever")


def session_events(place: Path, subject: str) -> Iterator[list[Event]]:
    """The events of a stream, in order, and then for ever what is appended; an empty list where nothing of it was."""
    from eventsrc.log import LogReader

    reader = LogReader(place)
    after = reader.head()  # before the past is read, so that nothing falls between the two
    shown = 0
    past = reader.stream(subject)
    while events := list(islice(past, BATCH_EVENTS)):
        shown = events[-1].position
        yield events
    while True:
        appended = reader.read(after)
        after = appended[-1].position if appended else after
        events = [event for event in appended if event.subject == subject and event.position > shown]
        yield events
        if not appended:
            time.sleep(ATTACH_SECONDS)


def _written(place: Path) -> bool:
    from eventsrc.log.layout import log_directory
    from eventsrc.log.lock import is_held

    return is_held(log_directory(place))


# --- showing ---


@contextmanager
def _shown(found: Found, options: Options) -> Iterator[_Show]:
    """What is done with each event, for as long as the block lasts."""
    if options.as_json:
        yield lambda event, _reading: emit_json_line(event_json(event))
    elif options.tail:
        yield lambda _event, reading: click.echo(_cut(safe(brief(reading))))
    else:
        story = Story()
        _paint([Piece("note", f"● session {found.id}\n"), Piece("note", f"  {found.about}\n")])
        try:
            yield lambda _event, reading: _paint(story.tell(reading))
        finally:
            _paint(story.end())
            sys.stdout.flush()


def _paint(pieces: list[Piece]) -> None:
    """Prints; `click` drops the colours where there is no terminal."""
    for piece in pieces:
        text = harmless(piece.text, lines=True)
        colour = None if os.environ.get("NO_COLOR") else STYLES.get(piece.style)
        click.echo(click.style(text, fg=colour) if colour else text, nl=False)


def _cut(line: str) -> str:
    """One line of a terminal; whole where there is none."""
    if not sys.stdout.isatty():
        return line
    return shortened(line, os.get_terminal_size(sys.stdout.fileno()).columns)
