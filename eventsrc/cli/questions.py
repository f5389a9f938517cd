"""The named questions of a read model as commands: `eventsrc <read model> <question>`, a stranger's too."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from eventsrc.cli.cell import cell, label
from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, emit_table, message
from eventsrc.errors import NotFound, UsageError
from eventsrc.plugin import Question
from eventsrc.query import ReadModels

HIDDEN = ("watched_processes", "metrics")
SHORT, WHOLE = 60, 2000  # characters of a cell in a table, and where one thing is shown; --json gives everything


class Thing(msgspec.Struct, frozen=True):
    """What an argument of a question names."""

    what: str
    listed: str
    """Where such names are found."""
    finds: tuple[str, str] | None = None
    """The read model and the question that tell whether it is there."""


SESSION = Thing(
    "session", "'eventsrc agents sessions' lists them; the beginning of an id is enough.", ("agents", "session")
)
THINGS = {
    "sid": SESSION,
    "other": SESSION,
    "round_id": Thing(
        "round",
        "'eventsrc agents rounds SID' lists those of a session; SID#NUMBER names one too.",
        ("agents", "round"),
    ),
    "tool_use_id": Thing(
        "call of a tool", "'eventsrc agents round ROUND_ID' shows those of a round; the beginning of an id is enough."
    ),
    "thread_id": Thing("thread", "'eventsrc conversations threads' lists them."),
    "id": Thing(
        "experiment or conversation",
        "'eventsrc experiments list' lists them; the beginning of an id, or a name, is enough.",
        ("experiments", "status"),
    ),
}
"""By the name of the argument; a read model that somebody added may have others."""
PARAMETERS = {
    "after": "Seconds of silence.",
    "id": "Only of this experiment or conversation.",
    "interval": "Seconds of one row.",
    "limit": "At most so many.",
    "pid": "Only of this process.",
    "reason": "Only those refused for this reason.",
    "since": "Only from then on: 2026-01-10T10:00, 'today', '10 min ago'.",
    "until": "Only before then.",
}
"""What a person reads about an option; a read model that somebody added may have others."""
NOTHING = {
    "orphaned": "no process went away in the middle of a round",
    "parallel": "no two tools of it ran at the same time",
    "pending": "no tool call is without its result",
    "rates": "nothing of it was streamed",
    "refused": "no record was refused",
    "stalled": "no session is stalled",
    "timeseries": "nothing to count in that session; where several ids begin so, give more of it",
    "unbalanced": "every round that has a prompt has its end",
    "usage": "no tokens were used",
    "waiting": "no session waits for a person",
}
"""What is said of an empty answer; of other questions that there are no such things."""


class Questions(click.Group):
    """One command per named question of a read model."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [question.name for question in _questions(str(self.name)) if not _is_hidden(question.name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        model = str(self.name)
        found = [question for question in _questions(model) if question.name == cmd_name]
        return command_of(model, found[0]) if found else None


def command_of(model: str, question: Question) -> click.Command:
    """The command that asks a named question."""
    arguments = [click.Argument([name]) for name in question.arguments]
    options: list[click.Parameter] = []
    for name in question.parameters:
        if name == "active":
            options.append(click.Option(["--active"], is_flag=True, default=False, help="Only those that are active."))
        elif name not in question.arguments and name != "now":
            options.append(_option(question, name))

    @common
    def ask(data: str | None, config_file: str | None, as_json: bool, **given: Any) -> None:
        from eventsrc.service.asking import read_models

        models = read_models(directory(data, config_file))
        answer = models.ask(model, question.name, _values(question, given))
        rows = answer.objects()
        if len(rows) < len(question.arguments):
            _check_there(models, question, given, nothing=not rows)
        if as_json:
            emit_json(rows)
        elif not rows:
            message(NOTHING.get(question.name, f"no {question.name}"))
        else:
            _show(question, answer.columns, rows)
        if len(rows) == _values(question, given).get("limit"):
            message(f"there may be more: --limit {len(rows) * 10}")

    made = click.command(question.name, help=question.about)(ask)
    made.params[:0] = [*arguments, *options]
    return made


def _option(question: Question, name: str) -> click.Option:
    allowed, default = question.choices.get(name), question.defaults.get(name)
    about = PARAMETERS.get(name, "" if allowed else f"Value of {name}.")
    if isinstance(default, str | int | float):
        about = f"{about} [default: {default:g}]" if not isinstance(default, str) else f"{about} [default: {default}]"
    return click.Option(
        [f"--{name}"], type=click.Choice(allowed) if allowed else None, default=None, help=about.strip()
    )


def _not_found(argument: str, name: str) -> NotFound:
    thing = THINGS.get(argument)
    if thing is None:
        return NotFound(what=argument.removesuffix("_id").replace("_", " "), name=name)
    return NotFound(what=thing.what, name=name, next=thing.listed)


def _show(question: Question, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """One thing is shown from top to bottom, two that are compared side by side, many as a table."""
    if len(rows) <= len(question.arguments) or (len(rows) == 1 and "sid" not in columns):
        lines = [(name, *(cell(name, row[name], WHOLE // len(rows)) for row in rows)) for name in columns]
        emit_table(("",) * (len(rows) + 1), lines)
        return
    shown = [name for name in columns if any(row[name] not in (None, "", "{}") for row in rows)]
    emit_table([label(name) for name in shown], [[cell(name, row[name], SHORT) for name in shown] for row in rows])


def _questions(model: str) -> list[Question]:
    from eventsrc.projector.discovery import discover

    found = discover().projections.get(model)
    return list(found.questions) if found else []


def _is_hidden(name: str) -> bool:
    """Questions that the service or a report asks, not a person; they can be asked all the same."""
    return name in HIDDEN or name.startswith("report_")


def _check_there(models: ReadModels, question: Question, given: Mapping[str, Any], *, nothing: bool) -> None:
    """Raises NotFound when what a question is about is not known; else "nothing" is its answer."""
    for name in question.arguments:
        model, asked = (THINGS[name].finds if name in THINGS else None) or ("", question.name)
        finds = next((one for one in _questions(model) if one.name == asked), question)
        if finds is question:
            known = not nothing
        else:
            known = bool(models.ask(model, asked, _values(finds, {finds.arguments[0]: given[name]})).rows)
        if not known:
            raise _not_found(name, given[name])


def _values(question: Question, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = dict(question.defaults)
    for name in question.parameters:
        value = given.get(name)
        if name == "now":
            values[name] = time.time()
        elif name in ("since", "until"):
            values[name] = moment_of(value, time.time())
        elif name == "active":
            values[name] = 1 if value else None
        elif value is not None:
            values[name] = _number(name, value, question.defaults.get(name))
    return values


def _number(name: str, value: str, default: object) -> str | float | int:
    """A number where the question's default is one, or where the parameter is one by its nature."""
    if not (isinstance(default, int | float) or name == "pid"):
        return value
    try:
        return float(value.removesuffix("s")) if isinstance(default, float) else int(value.removesuffix("s"))
    except ValueError as error:
        raise UsageError(reason=f"--{name} is a number, not {value!r}") from error
