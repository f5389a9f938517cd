"""How much is left of an experiment, and what a command ends with."""

from __future__ import annotations

from typing import Any

import pytest

from eventsrc.cli.outlook import exit_code, outlook, warnings


def run(**fields: Any) -> dict[str, Any]:
    return {
        "state": "running", "planned": 2, "turns": 5, "turn_seconds": 4.0, "convergence": 0.2, "error": None,
        "contradictions": 0, **fields,
    }  # fmt: skip


def dialogue(state: str, turns: int, max_turns: int | None = 10) -> dict[str, Any]:
    return {"state": state, "turns": turns, "max_turns": max_turns}


def test_what_is_left_is_the_median_turn_times_the_turns_that_are_left() -> None:
    ahead = outlook(run(), [dialogue("completed", 2), dialogue("running", 3)])
    assert (ahead.ended, ahead.planned) == (1, 2)
    assert (ahead.turns, ahead.turns_planned) == (5, 12), "one that ended early has no turns left"
    assert ahead.seconds_left == 7 * 4.0


def test_dialogues_that_run_side_by_side_share_the_wait_and_those_to_come_count() -> None:
    ahead = outlook(run(planned=4), [dialogue("running", 2), dialogue("running", 3), dialogue("created", 0, None)])
    assert ahead.turns_planned == 5 + 8 + 7 + 10 + 10
    assert ahead.seconds_left == 35 * 4.0 / 2


@pytest.mark.parametrize("told", [{"turn_seconds": None}, {"state": "completed"}, {"state": "crashed"}])
def test_without_a_turn_to_go_by_or_when_nothing_goes_on_nothing_is_promised(told: dict[str, Any]) -> None:
    assert outlook(run(**told), [dialogue("running", 1)]).seconds_left is None


def test_an_exit_code_says_what_became_of_it() -> None:
    codes = {state: exit_code(state) for state in ("completed", "running", "failed", "crashed", "interrupted", "ended")}
    assert codes == {"completed": 0, "running": 0, "failed": 1, "crashed": 1, "interrupted": 3, "ended": 1}
    assert exit_code("completed_with_failures") == 1


def test_a_person_is_warned_of_silence_of_likeness_and_of_contradictions() -> None:
    assert warnings(run()) == []
    assert "alike" in warnings(run(convergence=0.71))[0]
    assert "nothing was heard" in warnings(run(state="stalled"))[0]
    assert len(warnings(run(error="it broke", contradictions=2))) == 2
