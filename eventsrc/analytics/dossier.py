"""What the read model says about one experiment, as the analytics database gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

Row = Mapping[str, Any]
"""A row of a named question of the read model."""


class Dossier(msgspec.Struct, frozen=True):
    """One experiment, or one conversation that belongs to none (then `run` is its row)."""

    folder: str
    """Absolute path of the folder in which its logs stand."""
    run: Row
    conversations: Sequence[Row]
    turns: Sequence[Row] = ()
    messages: Sequence[Row] = ()
    usage: Sequence[Row] = ()
    errors: Sequence[Row] = ()

    @property
    def id(self) -> str:
        return str(self.run["id"])


def tables_of(dossier: Dossier) -> dict[str, list[list[Any]]]:
    """Table → rows, values in the order of its columns."""
    run = dossier.run
    return {
        "experiments": [_experiment(run)] if run["kind"] == "experiment" else [],
        "conversations": [_conversation(one) for one in dossier.conversations],
        "turns": [
            [one["conversation_id"], one["turn_number"], utc(one["time"]), one["convergence_score"], one["duration_ms"]]
            for one in dossier.turns
        ],
        "messages": [
            [
                *(one["conversation_id"], one["turn_number"], one["agent_id"], utc(one["time"]), one["content"]),
                *(one["total_tokens"], one["duration_ms"]),
            ]
            for one in dossier.messages
        ],
        "token_usage": [
            [
                *(one["conversation_id"], one["position"], utc(one["time"]), one["agent_id"], one["provider"]),
                *(one["model"], one["prompt_tokens"], one["completion_tokens"], one["total_tokens"]),
            ]
            for one in dossier.usage
        ],
        "errors": [
            [
                *(one["conversation_id"], one["position"], utc(one["time"]), one["agent_id"], one["provider"]),
                *(one["error_type"], one["error_message"], _truth(one["retryable"])),
            ]
            for one in dossier.errors
        ],
    }


def _experiment(run: Row) -> list[Any]:
    return [
        *(run["id"], run["name"], run["state"], utc(run["created_at"]), utc(run["started_at"])),
        *(utc(run["completed_at"]), run["planned"], run["ended"], run["failed"], run["claimed_status"], run["error"]),
        *(run["config"], run["folder"]),
    ]


def _conversation(one: Row) -> list[Any]:
    return [
        *(one["conversation_id"], one["experiment_id"], one["state"], one["agent_a_model"], one["agent_b_model"]),
        *(one["initial_prompt"], one["max_turns"], one["turns"], one["end_reason"], one["convergence"]),
        *(utc(one["started_at"]), utc(one["ended_at"]), one["duration_ms"], one["error"]),
        *(bool(one["truncations"]), one["zone"] == "local"),
    ]


def utc(seconds: float | None) -> datetime | None:
    """Seconds since the epoch as the database has times: UTC, without saying so."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)
