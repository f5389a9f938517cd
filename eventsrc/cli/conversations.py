"""`eventsrc conversations …`: the named questions of the read model, with what people read most laid out for reading.

JSON shapes: every command gives an array of objects, one per row, with the columns of its question; `tags`, `keywords`,
`participants`, `observed_by` and `compat` are arrays and objects, times are seconds since the epoch.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from eventsrc.cli.fit import shortened
from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import duration, emit_json, emit_table, message, moment, safe
from eventsrc.cli.questions import Questions
from eventsrc.errors import NotFound

MODEL = "conversations"
NESTED = ("tags", "keywords", "participants", "observed_by", "compat")
"""Columns that hold JSON: shown as what they are."""
LEAST_TEXT = 20  # characters of a message in a list, however narrow the terminal is
Row = Mapping[str, Any]


class Conversations(Questions):
    """The commands laid out here, and one for every other question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        others = [name for name in super().list_commands(ctx) if name not in self.commands]
        return [*self.commands, *others]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.commands.get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=Conversations)
def conversations() -> None:
    """What agents said to each other: messages, threads, speakers, domains."""


def _ask(question: str, place: tuple[str | None, str | None], **given: Any) -> list[dict[str, Any]]:
    from eventsrc.service.asking import read_models

    now = time.time()
    values = {name: moment_of(value, now) if name in ("since", "until") else value for name, value in given.items()}
    answer = read_models(directory(*place)).ask(MODEL, question, values)
    return [_unfolded(row) for row in answer.objects()]


def _unfolded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: msgspec.json.decode(value) if name in NESTED and value else value for name, value in row.items()}


@conversations.command("list")
@click.option("--since", default=None, help="Only from then on: 2026-01-10T10:00, 'today', '10 min ago'.")
@click.option("--until", default=None, help="Only before then.")
@click.option("--speaker", default=None, help="Only of this sender.")
@click.option("--domain", default=None, help="Only of this domain; 'unclassified' is one.")
@click.option("--context", default=None, help="Only of this context.")
@click.option("--tag", default=None, help="Only with this tag, e.g. @Status-Blocked.")
@click.option("--type", "kind", default=None, help="Only of this type: request, response, inform …")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@common
def list_(data: str | None, config_file: str | None, as_json: bool, kind: str | None, **given: Any) -> None:
    """Messages, newest first (the last one at the bottom when shown on a terminal)."""
    rows = _ask("list", (data, config_file), type=kind, **given)
    if as_json:
        emit_json(rows)
    elif not rows:
        message("no messages; 'eventsrc conversations refused' shows records that held none")
    else:
        _emit_messages(rows[::-1])


@conversations.command()
@click.argument("thread_id")
@click.option("--limit", default=10_000, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@common
def thread(data: str | None, config_file: str | None, as_json: bool, **given: Any) -> None:
    """The messages of a thread, in order; 'threads' lists them."""
    rows = _ask("thread", (data, config_file), **given)
    if not rows:
        raise NotFound(what="thread", name=given["thread_id"], next="'eventsrc conversations threads' lists them.")
    if as_json:
        emit_json(rows)
    else:
        _emit_messages(rows)


@conversations.command()
@click.argument("message_id")
@click.option("--sender", default=None, help="Whose message, where two senders used one id.")
@common
def show(data: str | None, config_file: str | None, as_json: bool, **given: Any) -> None:
    """One message in full. The beginning of its id is enough when only one begins so; what 'search' names is too."""
    rows = _ask("show", (data, config_file), **given)
    exact = [row for row in rows if row["message_id"] == given["message_id"]]
    rows = exact or rows
    if not rows:
        raise NotFound(
            what="message",
            name=given["message_id"],
            next="'eventsrc conversations list' and 'eventsrc search' find them.",
        )
    if as_json:
        emit_json(rows)
    elif len(rows) > 1:
        message("several messages begin so; one of these?")
        emit_table(("message_id", "sender"), [(row["message_id"], row["sender"]) for row in rows])
    else:
        _emit_one(rows[0])


@conversations.command()
@click.option("--since", default=None, help="Only those that went on then or later.")
@click.option("--until", default=None, help="Only those that began before then.")
@click.option("--speaker", default=None, help="Only those in which this agent spoke.")
@click.option("--status", default=None, help="Only with this final status: Ready, Blocked, unknown.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@common
def threads(data: str | None, config_file: str | None, as_json: bool, **given: Any) -> None:
    """Threads, newest first: by context, and by pauses of five minutes where messages name none."""
    rows = _ask("threads", (data, config_file), **given)
    if as_json:
        emit_json(rows)
    elif not rows:
        message("no threads: one has at least two messages, five seconds apart")
    else:
        lines = [
            (
                moment(row["start_time"]),
                duration(row["duration_ms"] / 1000),
                str(row["message_count"]),
                row["final_status"],
                row["thread_id"],
                ", ".join(row["participants"]),
            )
            for row in rows
        ]
        emit_table(("begin", "lasted", "messages", "status", "thread", "participants"), lines)


def _emit_messages(rows: Sequence[Row]) -> None:
    """One line per message: as much of its text as fits."""
    lines = [(moment(row["message_time"]), _between(row), row["type"] or "", row["chain_type"] or "-") for row in rows]
    used = sum(max(len(line[column]) for line in lines) + 2 for column in range(4))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    most = max(LEAST_TEXT, width - used)
    texts = [shortened(safe(" ".join(str(row["text"]).split())), most) for row in rows]
    if used + LEAST_TEXT > width:  # what was said goes before what it was about
        emit_table(
            ("time", "who", "said"),
            [(line[0], line[1], shortened(text, most)) for line, text in zip(lines, texts, strict=True)],
        )
    else:
        columns = ("time", "who", "type", "domain", "said")
        emit_table(columns, [(*line, text) for line, text in zip(lines, texts, strict=True)])


def _between(row: Row) -> str:
    return f"{row['sender']} → {row['recipient']}" if row["recipient"] else str(row["sender"])


def _emit_one(row: Row) -> None:
    """Everything about a message by lines, its text last and whole."""
    for name, value in row.items():
        if value in (None, "", [], {}) or name == "text":
            continue
        if name.endswith("_time") and isinstance(value, float):
            value = moment(value)
        shown = value if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()
        click.echo(f"{name:18} {safe(str(shown))}")
    click.echo()
    for line in str(row["text"]).splitlines():
        click.echo(f"    {safe(line)}")
