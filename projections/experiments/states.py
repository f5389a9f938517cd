"""What a dialogue's end means, and what follows from dialogues for their experiment. Each rule stands here once."""

from __future__ import annotations

from eventsrc.plugin import DialogueEnded

COMPLETED = {"max_turns", "max_turns_reached", "high_convergence", "convergence_threshold", "completed"}
CONTEXT_LIMIT = "context_limit_reached"
INTERRUPTED = {"interrupted", "user_interrupt", "pause"}
FAILED = {"error", "api_error", "timeout", "rate_limit", "exception"}

OVER = "('completed', 'failed', 'interrupted', 'empty', 'ended', 'crashed', 'never_started')"
"""States after which a dialogue does nothing more, in SQL."""

STALLED_SECONDS = 120.0
"""Silence after which an open dialogue counts as stalled."""
CRASHED_FACTOR = 10
"""An open dialogue that is silent so many times longer counts as crashed: nobody tells whether its process lives."""


def end_state(end: DialogueEnded) -> str:
    """The state of a dialogue from the end that its producer wrote. The reason decides; an error beats all."""
    if end.error or end.status == "failed" or end.reason in FAILED:
        return "failed"
    if end.reason in COMPLETED or end.reason == CONTEXT_LIMIT:
        return "completed"
    if end.reason in INTERRUPTED or end.status == "interrupted":
        return "interrupted"
    if end.status == "empty" or end.total_turns == 0:
        return "empty"
    return "ended"


def dialogue_state(table: str) -> str:
    """SQL: the state of a dialogue at `:now`. What is open depends on how long nothing was heard of it."""
    silent = f":now - coalesce({table}.alive_at, 0)"
    limit = "CAST(:stalled_after AS REAL)"
    return f"""CASE WHEN {table}.state != 'open' THEN {table}.state
    WHEN {silent} < {limit} THEN 'running'
    WHEN {silent} < {limit} * {CRASHED_FACTOR} THEN 'stalled' ELSE 'crashed' END"""


def experiment_state(state: str, active: str, waiting: str) -> str:
    """SQL: the state of experiment `e`. `state`: SQL for the state of one of its dialogues `c`; `active`: for the state
    of an experiment that goes on; `waiting`: for that of one of which no dialogue began."""
    return f"""(SELECT CASE
    WHEN sum(s = 'running') > 0 THEN 'running'
    WHEN sum(s = 'open') > 0 THEN {active}
    WHEN sum(s = 'stalled') > 0 THEN 'stalled'
    WHEN sum(s = 'paused') > 0 THEN 'paused'
    WHEN e.phase = 'post_processing' THEN 'post_processing'
    WHEN coalesce(sum(s != 'created'), 0) = 0 THEN {waiting}
    WHEN sum(s IN {OVER}) < coalesce(e.planned_conversations, count(*)) AND e.claimed_completed_at IS NULL
      THEN {active}
    WHEN sum(s = 'interrupted') > 0 THEN 'interrupted'
    WHEN sum(s = 'completed') = 0 AND sum(s = 'crashed') > 0 THEN 'crashed'
    WHEN sum(s = 'completed') = 0 THEN 'failed'
    WHEN sum(s IN ('failed', 'crashed', 'never_started')) > 0 THEN 'completed_with_failures'
    ELSE 'completed' END
  FROM (SELECT {state} AS s FROM conversations c WHERE c.experiment_id = e.experiment_id))"""
