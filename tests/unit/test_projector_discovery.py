"""Finding projections: those that cannot be used are told, the others run."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from eventsrc.plugin import Projection
from eventsrc.projector.discovery import GROUP, discover, unfit
from tests.conformance.prompts import Prompts

HERE = "tests.conformance.prompts:Prompts"


def _point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_an_entry_point_names_a_projection() -> None:
    found = discover([_point("prompts", HERE)])
    assert found.projections == {"prompts": Prompts}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gone", "no.such.module:Thing", "ModuleNotFoundError"),
        ("gone", "tests.conformance.prompts:Missing", "AttributeError"),
        ("notes", "tests.conformance.prompts:Notes", "not a subclass"),
        ("other", HERE, "its name is 'prompts'"),
        ("broken", "tests.corpus.broken_plugin:Thing", "ModuleNotFoundError"),
    ],
)
def test_one_that_cannot_be_used_is_told_and_the_others_go_on(name: str, value: str, reason: str) -> None:
    found = discover([_point(name, value), _point("prompts", HERE)])
    assert list(found.projections) == ["prompts"]
    (problem,) = found.problems
    assert (problem.name, problem.where) == (name, value)
    assert reason in problem.reason


def test_a_name_belongs_to_one_projection() -> None:
    found = discover([_point("prompts", HERE), _point("prompts", HERE)])
    assert "already taken" in found.problems[0].reason


def test_names_and_versions_that_the_engine_cannot_use_are_refused() -> None:
    def made(**members: object) -> type[Projection]:
        return type("Made", (Projection,), {"name": "made", "version": 1, **members})

    assert unfit(made(), "made") == ""
    assert "name" in unfit(made(name="../x"), "../x")
    assert "name" in unfit(made(name="Upper"), "Upper")
    assert "version" in unfit(made(version=0), "made")
    assert "version" in unfit(made(version="1"), "made")
    assert "sequences" in unfit(made(schema="CREATE TABLE x(y)"), "made")
