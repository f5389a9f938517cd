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
SUBJECTS = {"sid": "session", "round_id": "round"}
"""What an argument names → the question that finds it."""
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
            options.append(click.Option([f"--{name}"], default=None, help=f"See the question's {name}."))

    @common
    def ask(data: str | None, config_file: str | None, as_json: bool, **given: Any) -> None:
        from eventsrc.service import read_models

        models = read_models(directory(data, config_file))
        answer = models.ask(model, question.name, _values(question, given))
        rows = answer.objects()
        if not rows and question.arguments and not _is_there(models, question, given):
            raise NotFound(what=question.arguments[0], name=given[question.arguments[0]])
        if as_json:
            emit_json(rows)
        elif not rows:
            message(f"no {question.name}")
        else:
            _show(question, answer.columns, rows)
        if len(rows) == _values(question, given).get("limit"):
            message(f"there may be more: --limit {len(rows) * 10}")

    made = click.command(question.name, help=question.about)(ask)
    made.params[:0] = [*arguments, *options]
    return made


def _show(question: Question, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """One thing is shown from top to bottom, two that are compared side by side, many as a table."""
    if len(rows) <= len(question.arguments) or (len(rows) == 1 and "sid" not in columns):
        lines = [(name, *(cell(name, row[name], WHOLE // len(rows)) for row in rows)) for name in columns]
        emit_table(("",) * (len(rows) + 1), lines)
        return
    shown = [name for name in columns if any(row[name] not in (None, "", "{}") for row in rows)]
    emit_table([label(name) for name in shown], [[cell(name, row[name], SHORT) for name in shown] for row in rows])


def _questions(model: str) -> list[Question]:
    from eventsrc.projector import discover

    found = discover().projections.get(model)
    return list(found.questions) if found else []


def _is_hidden(name: str) -> bool:
    """Questions that the service or a report asks, not a person; they can be asked all the same."""
    return name in HIDDEN or name.startswith("report_")


def _is_there(models: ReadModels, question: Question, given: Mapping[str, Any]) -> bool:
    """Whether what a question is about is known: then "nothing" is its answer."""
    name = question.arguments[0]
    asked = SUBJECTS.get(name)
    return asked not in (None, question.name) and bool(models.ask("agents", str(asked), {name: given[name]}).rows)


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
