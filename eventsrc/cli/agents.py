"""`eventsrc agents …`: the named questions of the read model, as commands.

A read model that somebody adds gets its commands the same way: `eventsrc <read model> <question>`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from eventsrc.cli.fit import is_id, shortened
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import duration, emit_json, emit_table, message, moment, size
from eventsrc.cli.tail import moment_of
from eventsrc.errors import NotFound, UsageError
from eventsrc.plugin import Question
from eventsrc.query import ReadModels

HIDDEN = ("watched_processes", "metrics")
SHORT, WHOLE = 60, 2000  # characters of a cell in a table, and where one thing is shown; --json gives everything
SUBJECTS = {
    "sid": ("agents", "session"),
    "other": ("agents", "session"),
    "round_id": ("agents", "round"),
    "id": ("experiments", "status"),
}
"""What an argument names → the read model and the question that find it."""
NAMES = {
    "sid": "session",
    "other": "session",
    "round_id": "round",
    "tool_use_id": "call of a tool",
    "id": "experiment or conversation",
}
"""What an argument names, in words."""
SESSIONS = "'eventsrc agents sessions' lists them; the beginning of an id is enough."
LISTED = {
    "other": SESSIONS,
    "id": "'eventsrc experiments list' lists them; the beginning of an id, or a name, is enough.",
    "thread_id": "'eventsrc conversations threads' lists them.",
    "sid": SESSIONS,
    "round_id": "'eventsrc agents rounds SID' lists those of a session; SID#NUMBER names one too.",
    "tool_use_id": "'eventsrc agents round ROUND_ID' shows those of a round; the beginning of an id is enough.",
}
"""What an argument names → where such names are found."""
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
    "unbalanced": "every round that has a prompt has its end",
    "usage": "no tokens were used",
    "waiting": "no session waits for a person",
}
"""What is said of an empty answer; of other questions that there are no such things."""
LABELS = {"cache_creation_input_tokens": "cache_write", "cache_read_input_tokens": "cache_read"}
UNITS: Mapping[str, Callable[[Any], str]] = {
    "time": moment,
    "_start": moment,
    "_at": moment,
    "age": lambda value: duration(value),
    "_ms": lambda value: duration(None if value is None else value / 1000),
    "_bytes": size,
    "_size": size,
}
"""How a column reads, by the end of its name."""


class Questions(click.Group):
    """One command per named question of a read model."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [question.name for question in _questions(str(self.name)) if not _is_hidden(question.name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        model = str(self.name)
        found = [question for question in _questions(model) if question.name == cmd_name]
        return command_of(model, found[0]) if found else None


@click.group(cls=Questions)
def agents() -> None:
    """What coding agents did and are doing: sessions, rounds, messages, tools, tokens."""


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
    what = NAMES.get(argument, argument.removesuffix("_id").replace("_", " "))
    return NotFound(what=what, name=name, next=LISTED.get(argument))


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
        model, asked = SUBJECTS.get(name, ("", question.name))
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


def label(name: str) -> str:
    """How a table heads a column: without the unit, which its cells have."""
    if name in LABELS:
        return LABELS[name]
    return name.removesuffix("_time").removesuffix("_ms").removesuffix("_tokens").removeprefix("execution_")


def cell(name: str, value: Any, most: int) -> str:
    """A value as a person reads it, by the name of its column; texts are one line of at most `most` cells."""
    if value is None:
        return ""
    if name.startswith("is_"):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        shown = next((unit(value) for ending, unit in UNITS.items() if name.endswith(ending)), None)
        return shown if shown is not None else f"{value:g}" if isinstance(value, float) else str(value)
    text = " ".join(str(value).split())
    return text if is_id(name) else shortened(text, most)
