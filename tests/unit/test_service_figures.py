"""What read models tell of themselves reaches the metrics, without anybody knowing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
import pytest

from eventsrc.errors import NotFound
from eventsrc.limits import FIGURE_FAMILIES, FIGURE_SERIES
from eventsrc.metrics import Metrics
from eventsrc.metrics.figures import Figure, families_of
from eventsrc.plugin import Question
from eventsrc.query import Answer, ReadModels
from eventsrc.query.answer import Cell
from eventsrc.service.asking import states_of
from eventsrc.service.figures import Surveyor
from eventsrc.testing.clock import ManualClock
from tests.unit.test_metrics import families, value


class Asked(ReadModels):
    """Two read models: one that tells figures, one that knows no such question."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"), {}, lambda _folder, _name: Path("/nowhere"))
        self.times: list[Cell] = []
        self.built = True

    def names(self) -> list[str]:
        return ["agents", "plain"]

    def questions(self, name: str) -> Sequence[Question]:
        known = [Question(one, "", "", ("now", "after"), defaults={"after": 30.0}) for one in ("metrics", "states")]
        return known if name == "agents" else ()

    def ask(self, name: str, question: str, parameters: Mapping[str, Cell] | None = None) -> Answer:
        if not self.built:
            raise NotFound(what="read model", name=name)
        assert parameters is not None and parameters["after"] == 30.0
        self.times.append(parameters["now"])
        if question == "states":
            return Answer(("state", "sessions"), [("active", 2), ("idle", 0)], False)
        rows: list[tuple[Cell, ...]] = [
            ("sessions", "state", "active", 2),
            ("pending_tools", None, None, len(self.times)),
            ("tool_calls", "tool", 'Ba"sh\n', 7),
        ]
        return Answer(("metric", "label", "key", "value"), rows, False)


async def looks(models: Asked, metrics: Metrics, scrapes: Sequence[bool]) -> None:
    """One look of the actor before each of `scrapes`: whether somebody reads the metrics then."""
    script = list(scrapes)

    async def sleep(_seconds: float) -> None:
        if not script:
            await anyio.sleep_forever()
        if script.pop(0):
            metrics.render()
        if not script:
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Surveyor(models, metrics.figures, ManualClock(50.0), sleep).run)


async def test_figures_become_gauges_under_the_name_of_their_read_model() -> None:
    models, metrics = Asked(), Metrics()
    await looks(models, metrics, [True])
    assert value(metrics, "eventsrc_agents_sessions", state="active") == 2
    assert value(metrics, "eventsrc_agents_pending_tools") == 1
    assert value(metrics, "eventsrc_agents_tool_calls", tool='Ba"sh\n') == 7
    assert {families(metrics)[name].type for name in ("eventsrc_agents_sessions", "eventsrc_agents_tool_calls")} == {
        "gauge"
    }
    assert models.times == [50.0]


async def test_nobody_is_asked_while_nobody_reads() -> None:
    models, metrics = Asked(), Metrics()
    await looks(models, metrics, [False, False, False, True, False, False])
    assert len(models.times) == 2


async def test_a_read_model_that_is_not_built_yet_is_asked_again() -> None:
    models, metrics = Asked(), Metrics()
    models.built = False
    await looks(models, metrics, [False, False])
    assert "eventsrc_agents" not in metrics.render().decode()
    models.built = True
    await looks(models, metrics, [False])
    assert value(metrics, "eventsrc_agents_pending_tools") == 1


def test_states_are_told_per_read_model() -> None:
    assert states_of(Asked(), 1.0) == {"agents": {"active": 2, "idle": 0}}


@pytest.mark.parametrize("name", ["", "Sessions", "a-b", "x" * 100, "9a", 'a"'])
def test_a_name_that_prometheus_would_not_take_is_left_out(name: str) -> None:
    assert families_of("agents", [Figure(name, None, "", 1)]) == {}
    assert families_of(name, [Figure("sessions", None, "", 1)]) == {}
    assert families_of("agents", [Figure("sessions", name, "", 1)]) == {}


def test_a_read_model_cannot_flood_the_metrics() -> None:
    many = families_of("m", [Figure("a", "key", str(number), number) for number in range(10_000)])
    assert len(many["a"].samples) == FIGURE_SERIES
    assert len(families_of("m", [Figure(f"a{number}", None, "", 1) for number in range(1_000)])) == FIGURE_FAMILIES
