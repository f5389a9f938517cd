"""A read model that is made with a file of a person's: other content is another read model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from eventsrc.config import ProjectionSettings
from eventsrc.durable import SystemDisk
from eventsrc.errors import ReadModelDamaged, ReadModelUnusable
from eventsrc.plugin import Projection
from eventsrc.projector.discovery import Discovery, furnished
from eventsrc.projector.store import Store
from eventsrc.service.models import chosen, installed
from tests.conformance.prompts import Prompts


class Loud(Prompts):
    """Takes a file with a word in it."""

    variant: ClassVar[str] = "quiet"

    @classmethod
    def furnished(cls, text: str) -> type[Projection]:
        if not text.isalpha():
            raise ValueError("one word, please")
        return type(cls.__name__, (cls,), {"variant": text})


def test_another_text_makes_the_rows_outdated(tmp_path: Path) -> None:
    path = tmp_path / "prompts-1.db"
    Store.create(path, Loud).finish(SystemDisk())
    Store.open(path, Loud).close()
    with pytest.raises(ReadModelDamaged, match="made with quiet, and loud is in force"):
        Store.open(path, Loud.furnished("loud"))


def test_a_text_that_is_wrong_is_a_problem_of_its_read_model_alone() -> None:
    both = Discovery({"loud": Loud, "prompts": Prompts})
    found = furnished(both, {"loud": "two words"})
    assert list(found.projections) == ["prompts"]
    assert [(one.name, one.reason) for one in found.problems] == [
        ("loud", "the file that is set for it: ValueError: one word, please")
    ]


def test_a_read_model_that_takes_no_file_says_so() -> None:
    found = furnished(Discovery({"prompts": Prompts}), {"prompts": "anything"})
    assert "takes no file" in found.problems[0].reason


def test_a_file_that_is_not_there_is_told_when_its_read_model_is_wanted(tmp_path: Path) -> None:
    found = installed(ProjectionSettings(files=(f"agents={tmp_path / 'none.toml'}",)))
    assert "agents" not in found.projections
    with pytest.raises(ReadModelUnusable, match="No such file"):
        chosen(found, ["agents"])
