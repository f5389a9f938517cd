"""`eventsrc experiments list|status|show`, and the other named questions of that read model."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from eventsrc.cli.fit import shortened
from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.outlook import GOING_ON, exit_code, outlook, warnings
from eventsrc.cli.output import duration, emit_json, emit_table, message, moment, safe
from eventsrc.cli.questions import Questions
from eventsrc.errors import NotFound, UsageError

MODEL = "experiments"
SORTS = {"started": "started_at", "name": "name", "state": "state", "turns": "turns", "errors": "errors"}
DOTS = {
    "completed": ("●", "green"),
    "running": ("●", "cyan"),
    "interrupted": ("●", "yellow"),
    "paused": ("○", "yellow"),
}
WATCH_SECONDS = 5.0
LISTED = "'eventsrc experiments list' lists them; the beginning of an id, or a name, is enough."


class Experiments(Questions):
    """The commands below, and one per further question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["list", "status", "show", "turns", "messages", "errors", "contradictions"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own: dict[str, click.Command] = {"list": list_, "status": status, "show": show}
        return own.get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=Experiments)
def experiments() -> None:
    """Experiments: dialogues between models, how far they are, and what became of them.

    EXPERIMENT is an id, its beginning, or a name; a conversation that belongs to no experiment stands for itself.
    """


@click.command("list")
@click.option("--state", default=None, help="Only these: running, stalled, crashed, completed, failed …")
@click.option("--since", default=None, help="Started since then: 2h, 2026-01-31, …")
@click.option("--sort", type=click.Choice(list(SORTS)), default="started", show_default=True)
@click.option("--no-chats", is_flag=True, default=False, help="Leave out conversations of no experiment.")
@common
def list_(
    state: str | None, since: str | None, sort: str, no_chats: bool, data: str | None, config_file: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Experiments and single conversations, newest first."""
    now = time.time()
    values = {"state": state, "since": moment_of(since, now), "chats": int(not no_chats)}
    rows = ask(directory(data, config_file), "list", values)
    if sort != "started":
        rows.sort(key=lambda row: (row[SORTS[sort]] is None, row[SORTS[sort]]), reverse=sort in ("turns", "errors"))
    if as_json:
        emit_json(rows)
    elif not rows:
        narrowed = state or since or no_chats
        message("no such experiments" if narrowed else "no experiments; 'eventsrc ingest FOLDER' records them")
    else:
        emit_table(COLUMNS, [_listed(row) for row in rows])


COLUMNS = ("id", "name", "state", "done", "failed", "turns", "started", "took", "last event", "models")


def _listed(row: dict[str, Any]) -> list[str]:
    took = _took(row)
    return [
        row["id"],
        _short(row["name"], 18),
        row["state"],
        f"{row['ended']}/{row['planned']}",
        str(row["failed"] or ""),
        str(row["turns"]),
        moment(row["started_at"] or row["created_at"]),
        duration(took) if took is not None else "-",
        f"{duration(row['age'])} ago" if row["age"] is not None else "-",
        models(row),
    ]


def models(row: dict[str, Any]) -> str:
    """`a × b`, as far as they are known."""
    return " × ".join(row[name] or "?" for name in ("agent_a_model", "agent_b_model"))


@click.command()
@click.argument("experiment", required=False, default=None)
@click.option("-w", "--watch", is_flag=True, default=False, help="Show it again and again until it ends.")
@click.option("-n", "--interval", type=click.FloatRange(0.5, 3600), default=WATCH_SECONDS, show_default=True)
@common
def status(
    experiment: str | None, watch: bool, interval: float, data: str | None, config_file: str | None, as_json: bool
) -> int:
    """How far EXPERIMENT is: each conversation, and how long the rest may take. Without one: those that go on.

    Exit code: 0 completed or going on, 1 failed or crashed, 3 interrupted.
    """
    place = directory(data, config_file)
    if experiment is None:
        rows = [row for row in ask(place, "list", {"chats": 1}) if row["state"] in GOING_ON]
        if as_json:
            emit_json(rows)
        elif not rows:
            message("nothing goes on; 'eventsrc experiments list' shows what ended")
        else:
            emit_table(COLUMNS, [_listed(row) for row in rows])
        return 0
    while True:
        run = find(place, experiment)
        dialogues = ask(place, "conversations", {"id": run["id"]})
        if watch and not as_json and sys.stdout.isatty():
            click.clear()
        if as_json:
            emit_json({**run, "outlook": outlook(run, dialogues), "conversations": dialogues})
        else:
            describe_run(run, dialogues)
        if not watch or run["state"] not in GOING_ON:
            if watch:
                click.echo("\a", nl=False, err=True)
            return exit_code(run["state"])
        time.sleep(interval)


@click.command()
@click.argument("experiment")
@click.option("--messages", is_flag=True, default=False, help="With everything that was said.")
@common
def show(experiment: str, messages: bool, data: str | None, config_file: str | None, as_json: bool) -> int:
    """Everything about EXPERIMENT: conversations, turns, errors, and where its manifest contradicts its logs."""
    place = directory(data, config_file)
    run = find(place, experiment)
    found: dict[str, Any] = {"experiment": run}
    for name in ("conversations", "turns", "errors", "contradictions", *(("messages",) if messages else ())):
        found[name] = ask(place, name, {"id": run["id"]})
    if as_json:
        emit_json(found)
        return exit_code(run["state"])
    describe_run(run, found["conversations"])
    for name in ("turns", "errors", "contradictions"):
        if found[name]:
            click.echo(f"\n{name}")
            _rows(found[name])
    for one in found.get("messages", ()):
        click.echo(
            f"\n{click.style(safe(one['agent_id']), bold=True)}  turn {one['turn_number']}, {moment(one['time'])}"
        )
        click.echo(safe(one["content"]))
    return exit_code(run["state"])


def _rows(rows: list[dict[str, Any]]) -> None:
    names = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    emit_table(names, [[_cell(name, row[name]) for name in names] for row in rows])


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time":
        return moment(value)
    return (
        duration(value / 1000) if name.endswith("_ms") else _short(f"{value:g}" if isinstance(value, float) else value)
    )


def describe_run(run: dict[str, Any], dialogues: list[dict[str, Any]]) -> None:
    """Prints one experiment and its conversations."""
    ahead = outlook(run, dialogues)
    dot, colour = DOTS.get(run["state"], ("●", "red"))
    name = f" {safe(run['name'])}" if run["name"] else ""
    click.echo(f"{click.style(dot, fg=colour)} {safe(run['id'])}{name} – {run['state']}")
    click.echo(f"  models    {safe(models(run))}")
    took = _took(run)
    click.echo(
        f"  started   {moment(run['started_at'] or run['created_at'])}" + (f", took {duration(took)}" if took else "")
    )
    click.echo(f"  done      {ahead.ended}/{ahead.planned} conversations, {ahead.turns}/{ahead.turns_planned} turns")
    click.echo(f"  said      {run['messages']} messages, {run['tokens']} tokens, {run['errors']} errors")
    if run["state"] in GOING_ON:
        left = "–" if ahead.seconds_left is None else f"about {duration(ahead.seconds_left)}"
        click.echo(f"  left      {left}")
    for warning in warnings(run):
        click.echo(f"  {click.style('!', fg='yellow')} {safe(warning)}")
    if dialogues:
        columns = ("conversation", "state", "turns", "convergence", "tokens", "errors", "ended by")
        emit_table(columns, [_dialogue(one) for one in dialogues])


def _dialogue(one: dict[str, Any]) -> list[str]:
    convergence = "–" if one["convergence"] is None else f"{one['convergence']:.2f}"
    more = f" (and {one['end_count'] - 1} more)" if one["end_count"] > 1 else ""
    limit = " (context limit)" if one["context_limit"] else ""
    turns = f"{one['turns']}/{'?' if one['max_turns'] is None else one['max_turns']}"
    ended = f"{one['end_reason'] or one['error'] or ''}{more}{limit}"
    return [one["conversation_id"], one["state"], turns, convergence, str(one["tokens"]), str(one["errors"]), ended]


def ask(place: Path, question: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer of a named question, with the clock of now."""
    from eventsrc.service.asking import read_models

    models_ = read_models(place)
    found = next((one for one in models_.questions(MODEL) if one.name == question), None)
    if found is None:
        raise NotFound(what="question", name=question)
    given = {**found.defaults, **{name: value for name, value in values.items() if value is not None}}
    if "now" in found.parameters:
        given["now"] = time.time()
    return models_.ask(MODEL, question, given).objects()


def find(place: Path, name: str) -> dict[str, Any]:
    """The one experiment or conversation that a person means. Raises NotFound; UsageError when it could be several."""
    rows = ask(place, "status", {"id": name})
    exact = [row for row in rows if name in (row["id"], row["name"])]
    if not rows:
        raise NotFound(what="experiment", name=name, next=LISTED)
    if len(rows) > 1 and len(exact) != 1:
        listed = ", ".join(f"{row['id']} ({row['name']})" if row["name"] else row["id"] for row in rows[:10])
        raise UsageError(reason=f"{name} could be any of {len(rows)} experiments: {listed}")
    return exact[0] if exact else rows[0]


def _took(row: dict[str, Any]) -> float | None:
    began, ended = row["started_at"], row["completed_at"]
    return ended - began if began is not None and ended is not None else None


def _short(value: Any, most: int = 40) -> str:
    text = " ".join(str(value or "").split()) if not isinstance(value, int) else str(value)
    return shortened(text, most)
