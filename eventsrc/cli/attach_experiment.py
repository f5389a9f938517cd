"""Attaching to an experiment: how far it is, again and again, or its events one by one; until it ends.

The bar asks the read model, whose answer costs the same however long the experiment is. `--tail` and `--json` read the
log's files: first what the read model knew, then everything behind it, each event once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import click

from eventsrc.cli.attached import Found, Options
from eventsrc.cli.dialogue_line import dialogue_line
from eventsrc.cli.experiments import MODEL, ask, describe_run
from eventsrc.cli.outlook import GOING_ON, exit_code, outlook, pace_line, progress_line
from eventsrc.cli.output import duration, emit_json_line, message, safe
from eventsrc.cli.tail import event_json
from eventsrc.errors import EventsrcError
from eventsrc.event import Event
from eventsrc.limits import ATTACH_REST_SECONDS, ATTACH_SECONDS, EXPERIMENT_LOOK_SECONDS

NOT_RUNNING = 3
BAR = 30  # characters of a bar: label and numbers fit beside it on 80 columns


def find_experiments(place: Path, id: str) -> list[Found]:
    """Experiments, and conversations of none, whose id begins so or whose name this is."""
    try:
        rows = ask(place, "status", {"id": id})
    except EventsrcError:  # the read model is not installed, or not built yet
        return []
    named = [row for row in rows if row["name"] == id]
    return [Found(row["id"], "  ".join(filter(None, (row["name"], row["state"])))) for row in named or rows]


def attach_experiment(place: Path, found: Found, options: Options) -> int:
    """Shows an experiment until it ends: 0 completed, 1 failed, 3 interrupted, or nothing writes the log."""
    if options.tail or options.as_json:
        return _tail(place, found.id, options)
    run = _run(place, found.id)
    if run["state"] not in GOING_ON:
        describe_run(run, ask(place, "conversations", {"id": found.id}))
        return exit_code(run["state"])
    return _bar(place, found.id) if sys.stdout.isatty() else _lines(place, found.id)


def _run(place: Path, id: str) -> dict[str, Any]:
    return next(row for row in ask(place, "status", {"id": id}) if row["id"] == id)


def _looks(place: Path, id: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The experiment and its conversations, every half second until it ended; the end is the last look."""
    while True:
        run, dialogues = _run(place, id), ask(place, "conversations", {"id": id})
        yield run, dialogues
        if run["state"] not in GOING_ON or not _written(place):
            return
        time.sleep(EXPERIMENT_LOOK_SECONDS)


def _ended(place: Path, run: dict[str, Any], dialogues: list[dict[str, Any]]) -> int:
    if run["state"] in GOING_ON:
        message("nothing writes this log now: start 'eventsrc serve' to see what comes")
        return NOT_RUNNING
    describe_run(run, dialogues)
    return exit_code(run["state"])


def _lines(place: Path, id: str) -> int:
    """Where there is no terminal: a line whenever something changed."""
    run: dict[str, Any] = {}
    dialogues: list[dict[str, Any]] = []
    last = ""
    for run, dialogues in _looks(place, id):
        line = progress_line(run, outlook(run, dialogues))
        if line != last:
            click.echo(line)
            sys.stdout.flush()
        last = line
    return _ended(place, run, dialogues)


def _bar(place: Path, id: str) -> int:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def drawn(run: dict[str, Any], dialogues: list[dict[str, Any]]) -> Group:
        ahead = outlook(run, dialogues)
        table = Table.grid(padding=(0, 1))
        for label, done, planned in (
            ("conversations", ahead.ended, ahead.planned),
            ("turns", ahead.turns, ahead.turns_planned),
        ):
            table.add_row(label, ProgressBar(total=max(planned, 1), completed=done, width=BAR), f"{done}/{planned}")
        head = Text(safe(f"● {run['id']} {run['name'] or ''} – {run['state']}"), style="cyan")
        return Group(head, table, Text(pace_line(run, ahead)))

    run: dict[str, Any] = {}
    dialogues: list[dict[str, Any]] = []
    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        for run, dialogues in _looks(place, id):
            live.update(drawn(run, dialogues), refresh=True)
    return _ended(place, run, dialogues)


def _tail(place: Path, id: str, options: Options) -> int:
    from eventsrc.formats.catalogue import Formats
    from eventsrc.plugin import Reading
    from eventsrc.projector.portion import reading_of

    formats = Formats.load()
    asked = quiet = 0.0
    for events in experiment_events(place, id):
        for event in events:
            reading = reading_of(event, formats)
            if options.as_json:
                emit_json_line(event_json(event))
            elif isinstance(reading, Reading) and (line := dialogue_line(reading)) is not None:
                click.echo(safe(line))
        sys.stdout.flush()
        quiet = 0.0 if events else quiet + ATTACH_SECONDS
        if quiet < ATTACH_REST_SECONDS or time.monotonic() - asked < EXPERIMENT_LOOK_SECONDS:
            continue
        asked = time.monotonic()
        run = _run(place, id)
        if run["state"] not in GOING_ON:
            took = "" if run["completed_at"] is None else f" after {duration(run['completed_at'] - run['started_at'])}"
            message(f"{run['id']} is {run['state']}{took}")
            return exit_code(run["state"])
        if not _written(place):
            message("nothing writes this log now: start 'eventsrc serve' to see what comes")
            return NOT_RUNNING
    raise AssertionError("an experiment is followed for ever")


def experiment_events(place: Path, id: str) -> Iterator[list[Event]]:
    """The events of an experiment in order, and then for ever what is appended; an empty list when there was nothing.

    What the read model did not know yet stands behind its position, so reading on from there misses nothing; what was
    shown already is known by its stream and place.
    """
    from eventsrc.log import LogReader
    from eventsrc.service.asking import read_models

    reader = LogReader(place)
    after = read_models(place).freshness(MODEL, 0).position  # before the question: it may know more than this
    run, dialogues = _run(place, id), ask(place, "conversations", {"id": id})
    subjects = {f"conversation/{one['conversation_id']}" for one in dialogues} | {f"experiment/{run['id']}"}
    folder = f"{run['folder']}/"
    shown: dict[str, int] = {}
    for event in merge(*(reader.stream(subject) for subject in sorted(subjects)), key=lambda one: one.position):
        shown[event.subject] = event.position
        yield [event]
    while True:
        appended = reader.read(after)
        after = appended[-1].position if appended else after
        ours = [one for one in appended if one.source.startswith(folder) or one.subject in subjects]
        yield [one for one in ours if one.position > shown.get(one.subject, 0)]
        if not appended:
            time.sleep(ATTACH_SECONDS)


def _written(place: Path) -> bool:
    from eventsrc.log.layout import log_directory
    from eventsrc.log.lock import is_held

    return is_held(log_directory(place))
