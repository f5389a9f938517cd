"""One line per event of an experiment. Pure: readings in, text out."""

from __future__ import annotations

from datetime import UTC, datetime

from eventsrc.cli.fit import shortened
from eventsrc.plugin import (
    ContextTruncated,
    DialogueActivity,
    DialogueEnded,
    DialogueFailed,
    DialogueStarted,
    ExperimentDescribed,
    ExperimentFact,
    ExperimentFactBase,
    ExperimentLoaded,
    ExperimentPhase,
    Reading,
    ThoughtCompleted,
    TokensSpent,
    TurnCompleted,
    TurnStarted,
    UtteranceCompleted,
    parse_time,
)

CHUNK = "MessageChunkEvent"
WORDS = 160  # characters of what was said


def dialogue_line(reading: Reading) -> str | None:
    """`10:15:04 conv_1a2b turn 3 agent_a: The lake …`, in the reader's own time zone; None for what is no news: pieces
    of a message that will come whole, manifests that only repeat. What models wrote stands in it as it is: make it
    harmless first."""
    fact = next((one for one in reading.facts if isinstance(one, ExperimentFactBase)), None)
    if fact is None or (isinstance(fact, DialogueActivity) and fact.what == CHUNK):
        return None
    at = fact.time if fact.time is not None else parse_time(reading.recorded)
    if fact.local is not None and fact.time is None:
        clock = datetime.fromtimestamp(fact.local, UTC).strftime("%H:%M:%S")
    else:
        clock = "--:--:--" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")
    return f"{clock} {fact.dialogue_id or fact.experiment_id}  {_said(fact)}"


def _said(fact: ExperimentFact) -> str:
    match fact:
        case DialogueStarted():
            return f"begins: {fact.agent_a_model or '?'} × {fact.agent_b_model or '?'}, {fact.max_turns or '?'} turns"
        case DialogueEnded():
            return f"ended: {fact.reason or fact.status or '?'}{f' ({fact.error})' if fact.error else ''}"
        case TurnStarted():
            return f"turn {fact.turn} begins"
        case TurnCompleted():
            convergence = "" if fact.convergence is None else f", convergence {fact.convergence:.2f}"
            return f"turn {fact.turn} done{convergence}"
        case UtteranceCompleted():
            return f"{fact.agent_id}: {_short(fact.text)}"
        case ThoughtCompleted():
            return f"{fact.agent_id} thinks: {_short(fact.text)}"
        case TokensSpent():
            return f"{fact.agent_id or fact.provider or '?'} used {fact.total_tokens or 0} tokens"
        case DialogueFailed():
            return f"error {fact.error_type}: {_short(fact.message)}"
        case ContextTruncated():
            return f"{fact.agent_id or '?'} lost {fact.messages_dropped or '?'} messages of its context"
        case ExperimentDescribed():
            return f"manifest: {fact.status or '?'}{f' ({_short(fact.error)})' if fact.error else ''}"
        case ExperimentPhase():
            return fact.phase
        case ExperimentLoaded():
            return f"loaded into the analytics database: {fact.rows} rows"
        case DialogueActivity():
            return f"{fact.agent_id or ''} {fact.what.removesuffix('Event')}".strip()
        case _:
            return type(fact).__name__


def _short(text: str) -> str:
    return shortened(" ".join(text.split()), WORDS)
