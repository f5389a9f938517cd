"""How far an experiment is and how long it may still take, from what its read model says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from eventsrc.cli.output import duration

Row: TypeAlias = Mapping[str, Any]

GOING_ON = ("created", "running", "stalled", "paused", "post_processing")
"""States after which something may still come."""
OUTCOMES = {"completed": 0, "interrupted": 3}
"""Exit code of a command by the final state; every other end is a failure: 1."""


class Outlook(msgspec.Struct, frozen=True):
    """Turns and dialogues done of those planned."""

    turns: int
    turns_planned: int
    """Of the dialogues that ended, the turns that they had; of the others, the most that they may have."""
    ended: int
    planned: int
    seconds_left: float | None
    """Median duration of a turn times the turns that are left, shared by the dialogues that run side by side; None
    without a turn to go by, or when nothing goes on."""


def outlook(run: Row, dialogues: Sequence[Row]) -> Outlook:
    """`run`: a row of the question `status`; `dialogues`: those of `conversations` about it."""
    over = [one for one in dialogues if one["state"] not in GOING_ON]
    rest = [one for one in dialogues if one["state"] in GOING_ON]
    most = max((one["max_turns"] or 0 for one in dialogues), default=0)
    unseen = max(0, (run["planned"] or 0) - len(dialogues))
    left = sum(max(0, (one["max_turns"] or most) - one["turns"]) for one in rest) + unseen * most
    side_by_side = max(1, sum(one["state"] == "running" for one in rest))
    paced = run.get("turn_seconds") is not None and run["state"] in ("running", "created", "stalled")
    return Outlook(
        turns=run["turns"],
        turns_planned=run["turns"] + left,
        ended=len(over),
        planned=max(run["planned"] or 0, len(dialogues)),
        seconds_left=run["turn_seconds"] * left / side_by_side if paced and left else None,
    )


def exit_code(state: str) -> int:
    """0 completed or still going on, 3 interrupted, 1 everything else."""
    return 0 if state in GOING_ON else OUTCOMES.get(state, 1)


def warnings(run: Row) -> list[str]:
    """What a person should look at."""
    found = []
    if run["state"] in ("stalled", "crashed"):
        found.append(f"{run['state']}: nothing was heard for a while, and there is no end")
    if run["state"] == "running" and (run["convergence"] or 0.0) > 0.7:
        found.append(f"convergence is {run['convergence']:.2f}: the two speak more and more alike")
    if run["error"]:
        found.append(f"error: {run['error']}")
    if run["contradictions"]:
        found.append("its manifest says otherwise than its logs: see 'eventsrc experiments contradictions'")
    return found


def pace_line(run: Row, ahead: Outlook) -> str:
    """`2.4 turns/min, about 3m 20s left, convergence 0.61, 12 messages, 340 tokens, 0 errors`."""
    paced = run.get("turn_seconds")
    rate = f"{60 * max(1, run['active']) / paced:.1f} turns/min" if paced else "no turn yet"
    left = f", about {duration(ahead.seconds_left)} left" if ahead.seconds_left is not None else ""
    convergence = "" if run["convergence"] is None else f", convergence {run['convergence']:.2f}"
    return f"{rate}{left}{convergence}, {run['messages']} messages, {run['tokens']} tokens, {run['errors']} errors"


def progress_line(run: Row, ahead: Outlook) -> str:
    """All of it on one line, for where there is no terminal."""
    done = f"{ahead.ended}/{ahead.planned} conversations, {ahead.turns}/{ahead.turns_planned} turns"
    return f"{run['state']}: {done}, {pace_line(run, ahead)}"
