"""Dialogues between models, what became of them; and what reports say about messages between agents."""

from __future__ import annotations

from boards.kit import AT, Board, Panel, Part, Query, number


def _runs(*states: str) -> str:
    return f'sum(eventsrc_experiments_runs{{{AT}, state=~"{"|".join(states)}"}})'


NOW = Part(
    "Now",
    (
        number("Running", "Experiments that go on.", _runs("running", "post_processing", "created")),
        number("Stalled", "Not ended, and silent.", _runs("stalled"), worse=(1,)),
        number("Crashed or failed", "Altogether.", _runs("crashed", "failed", "completed_with_failures"), worse=(1,)),
        number("Completed", "Altogether.", _runs("completed")),
        number("Errors", "On the way, altogether.", f"sum(eventsrc_experiments_errors{{{AT}}})"),
        number(
            "Contradictions",
            "Manifests that say otherwise than the log.",
            f"sum(eventsrc_experiments_contradictions{{{AT}}})",
            worse=(1,),
        ),
    ),
)

COURSE = Part(
    "Course",
    (
        Panel(
            "Experiments by state",
            "What became of them follows from what happened, not from a manifest.",
            (Query(f"sum by (state) (eventsrc_experiments_runs{{{AT}}}) > 0", "{{state}}"),),
        ),
        Panel(
            "Conversations by state",
            "Of all experiments, and those that belong to none.",
            (Query(f"sum by (state) (eventsrc_experiments_conversations{{{AT}}}) > 0", "{{state}}"),),
        ),
        Panel(
            "Turns and messages",
            "Altogether.",
            (
                Query(f"sum(eventsrc_experiments_turns{{{AT}}})", "turns"),
                Query(f"sum(eventsrc_experiments_messages{{{AT}}})", "messages"),
            ),
        ),
        Panel("Tokens", "Altogether.", (Query(f"sum(eventsrc_experiments_tokens{{{AT}}})", "tokens"),)),
    ),
)

REPORTS = Part(
    "Reports about messages between agents",
    (
        Panel(
            "Collaboration score",
            "A heuristic from 0 to 100, of the last report; 0 before the first.",
            (Query(f"max by (instance) (eventsrc_report_score{{{AT}}})", "{{instance}}"),),
        ),
        Panel(
            "Messages per hour",
            "In the time of the last report.",
            (Query(f"max by (instance) (eventsrc_report_message_rate{{{AT}}})", "{{instance}}"),),
        ),
        Panel(
            "Below its threshold",
            "1 while the last report is below a setting.",
            (Query(f"max by (what) (eventsrc_report_below_threshold{{{AT}}})", "{{what}}"),),
            kind="bars",
            worse=(1,),
        ),
        Panel(
            "Last report",
            "When it was made; 1970: none yet.",
            (Query(f"max by (instance) (eventsrc_report_last_timestamp_seconds{{{AT}}}) * 1000", "{{instance}}"),),
            "dateTimeAsIso",
            "bars",
        ),
    ),
)

BOARD = Board(
    "eventsrc-experiments",
    "eventsrc: experiments and reports",
    "How far experiments are, what became of them, and what the last report says.",
    (NOW, COURSE, REPORTS),
)
