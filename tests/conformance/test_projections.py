"""The suite holds for the projection that the engine's own tests use, and bites on ones that break the rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from eventsrc.plugin import PromptSubmitted, Reading
from eventsrc.projector.feed import Parts
from tests.conformance.projections import ListLog, ProjectionConformance
from tests.conformance.prompts import Notes, Prompts, join, notes


class TestPrompts(ProjectionConformance):
    projection = Prompts

    def parts(self) -> Parts:
        return ListLog(notes(1_500)), Notes(), join


class TestPromptsWithPoison(ProjectionConformance):
    """Dead letters are rows too: the same whatever the batches were."""

    projection = Prompts

    def parts(self) -> Parts:
        return ListLog(notes(300, poison={1, 2, 77, 300})), Notes(), join


class Forgetful(Prompts):
    """Keeps in memory what is not in its tables: breaks when the object is thrown away."""

    name = "forgetful"

    def _next(self, sid: str) -> int:
        self._numbers[sid] = self._numbers.get(sid, 1000 * len(self._numbers)) + 1
        return self._numbers[sid]


class Counting(Prompts):
    """Writes one row per batch: depends on where batches are cut."""

    name = "counting"
    schema: ClassVar[Sequence[str]] = (*Prompts.schema, "CREATE TABLE batches(n INTEGER) STRICT")

    def flush(self) -> None:
        super().flush()
        self.connection.execute("INSERT INTO batches VALUES (1)")


class Hasty(Prompts):
    """Takes effect while folding, outside the transaction: a batch that is undone leaves something behind."""

    name = "hasty"
    taken = 0

    def fold(self, reading: Reading) -> None:
        super().fold(reading)
        for fact in reading.facts:
            if isinstance(fact, PromptSubmitted):
                Hasty.taken += 1
                self._prompts[-1] = (fact.sid, self._prompts[-1][1], f"{Hasty.taken}")


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Forgetful, "test_the_object_may_be_thrown_away_between_any_two_batches"),
        (Counting, "test_batches_may_be_cut_anywhere"),
        (Hasty, "test_a_batch_that_was_undone_leaves_nothing_behind"),
    ],
)
def test_a_projection_that_breaks_the_rules_is_caught(wrong: type[Prompts], test: str, tmp_path: Path) -> None:
    class Suspect(ProjectionConformance):
        projection = wrong

        def parts(self) -> Parts:
            return ListLog(notes(400)), Notes(), join

    with pytest.raises(AssertionError):
        getattr(Suspect(), test)(tmp_path)
