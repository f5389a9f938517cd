"""`eventsrc monitor`: the application on a terminal, a snapshot everywhere else."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click

from eventsrc.cli.fit import shortened
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, emit_table, message

SNAPSHOT_CELLS = 60  # of a prompt or a folder; --json gives everything


@click.command()
@click.option("--every", type=click.FloatRange(0.1, 60), default=None, help="Seconds between two looks [default: 1].")
@click.option("--once", is_flag=True, default=False, help="A snapshot, also on a terminal.")
@common
def monitor(every: float | None, once: bool, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Everything that runs, full-screen: sessions, rounds, tools, tokens, errors. Press ? for the keys.

    Without a terminal it prints what the first screen would show, once. --json has `time` (seconds since the epoch),
    `counts` (the row of `agents dashboard`) and `sessions` (the rows of `agents overview`).
    """
    from eventsrc.cli.monitor.feed import Feed
    from eventsrc.limits import MONITOR_SECONDS
    from eventsrc.service.asking import read_models

    feed = Feed(read_models(directory(data, config_file)))
    try:
        if as_json or once or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _snapshot(feed, as_json)
            return
        if click.get_current_context().find_root().color is False or click.get_current_context().color is False:
            os.environ["NO_COLOR"] = "1"  # Textual reads it when it is imported
        from eventsrc.cli.monitor.app import Monitor

        Monitor(feed, every=every or MONITOR_SECONDS).run()
    finally:
        feed.close()


def _snapshot(feed: Any, as_json: bool) -> None:
    """The first list, once."""
    from eventsrc.cli.monitor.heads import COUNTS
    from eventsrc.cli.monitor.views import columns_of

    now = time.time()
    view = feed.views()["sessions"]
    look = feed.look(view, {}, anyway=True)
    if as_json:
        emit_json({"time": now, "counts": look.counts, "sessions": look.rows})
        return
    message(", ".join(f"{look.counts[name]} {said}" for name, said in COUNTS if name in look.counts))
    if not look.rows:
        message("no sessions yet: 'eventsrc serve FOLDER' follows agents' records")
        return
    columns = columns_of(view, look.columns)
    cells = [[shortened(one.text(row, now), SNAPSHOT_CELLS) for one in columns] for row in look.rows]
    emit_table([one.title for one in columns], cells)
