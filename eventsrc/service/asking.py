"""Questions to the read models of a data directory, whether a service runs or not."""

from __future__ import annotations

from pathlib import Path

from eventsrc.errors import EventsrcError, NoStore
from eventsrc.projector.discovery import Discovery, discover
from eventsrc.projector.generations import current
from eventsrc.query import Answer, ReadModels

STATES = "states"
"""A projection that offers a question of this name (columns `state, sessions`) has it shown by `eventsrc status`."""


def read_models(data: Path) -> ReadModels:
    """Questions to the read models of a data directory. Raises NoStore when there is no log."""
    if not (data / "log").is_dir():
        raise NoStore(path=data)
    return asked(data)


def asked(data: Path, discovery: Discovery | None = None) -> ReadModels:
    """The questions' side of the read models of a data directory."""
    found = (discovery or discover()).projections
    return ReadModels(data / "read", {name: one.questions for name, one in found.items()}, current)


def answers_to(models: ReadModels, question: str, now: float) -> dict[str, Answer]:
    """Read model → its answer to a question of this name; without those that have no such question, or cannot answer
    now. Blocks."""
    found: dict[str, Answer] = {}
    for model in models.names():
        try:
            asked = next((one for one in models.questions(model) if one.name == question), None)
            if asked is not None:
                clock = {"now": now} if "now" in asked.parameters else {}
                found[model] = models.ask(model, question, {**asked.defaults, **clock})
        except EventsrcError:  # not built yet, or being rebuilt
            continue
    return found


def states_of(models: ReadModels, now: float) -> dict[str, dict[str, int]]:
    """Read model → state → how many sessions are in it. Blocks."""
    answers = answers_to(models, STATES, now)
    return {
        model: {str(row["state"]): int(str(row["sessions"])) for row in answer.objects()}
        for model, answer in answers.items()
    }
