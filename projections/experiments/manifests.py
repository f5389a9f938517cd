"""What manifests claim, and which folder belongs to which experiment."""

from __future__ import annotations

import json
import sqlite3

from eventsrc.plugin import ExperimentDescribed, ExperimentLoaded, ExperimentPhase
from projections.experiments.rows import Dialogues

_MADE = """INSERT INTO experiments(experiment_id, state, last_position, loaded_position) VALUES (?, 'created', 0, 0)
  ON CONFLICT DO NOTHING"""
_DESCRIBED = """UPDATE experiments SET name = coalesce(:name, name), created_at = coalesce(:created, created_at),
    started_at = coalesce(started_at, :started), planned_conversations = coalesce(:planned, planned_conversations),
    config = coalesce(:config, config), error = :error, folder = :folder, claimed_status = :status,
    claimed_completed = :claimed_completed, claimed_failed = :claimed_failed, claimed_completed_at = :completed
  WHERE experiment_id = :id"""
_LOADED = """UPDATE experiments SET loaded_at = ?, loaded_rows = ?, loaded_rejected = ?, loaded_position = ?
  WHERE experiment_id = ?"""


class Manifests:
    """Writes at once: manifests are few, and everything else asks for their folders."""

    def __init__(self, connection: sqlite3.Connection, dialogues: Dialogues) -> None:
        self._connection = connection
        self._dialogues = dialogues
        self._folders: dict[str, str | None] = {}
        self._joined: set[str] = set()

    def experiment_of(self, folder: str) -> str | None:
        """The experiment whose manifest stands in a folder; None when none was seen yet."""
        if folder not in self._folders:
            found = self._connection.execute("SELECT experiment_id FROM folders WHERE folder = ?", (folder,)).fetchone()
            self._folders[folder] = found[0] if found is not None else None
        return self._folders[folder]

    def made(self, experiment_id: str) -> None:
        """An experiment was named."""
        self._connection.execute(_MADE, (experiment_id,))

    def described(self, fact: ExperimentDescribed) -> None:
        """A manifest: the latest one stands, and its dialogues are there, begun or not."""
        self.made(fact.experiment_id)
        values = {
            name: getattr(fact, name)
            for name in ("name", "created", "started", "completed", "planned", "config", "error", "folder", "status")
        }
        claimed = {"claimed_completed": fact.claimed_completed, "claimed_failed": fact.claimed_failed}
        self._connection.execute(_DESCRIBED, {**values, **claimed, "id": fact.experiment_id})
        if self.experiment_of(fact.folder) != fact.experiment_id:
            self._connection.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (fact.folder, fact.experiment_id))
            self._folders[fact.folder] = fact.experiment_id
            self._joined.add(fact.folder)
        self._claims(fact)

    def _claims(self, fact: ExperimentDescribed) -> None:
        self._connection.execute("DELETE FROM claims WHERE experiment_id = ?", (fact.experiment_id,))
        claims = [
            (
                fact.experiment_id,
                one.dialogue_id,
                one.status,
                one.total_turns,
                one.last_line,
                one.total_tokens,
                one.error,
            )
            for one in fact.dialogues
        ]
        self._connection.executemany("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", claims)
        models = _models(fact.config)
        for one in fact.dialogues:
            row = self._dialogues.of(one.dialogue_id)
            row.experiment_id, row.folder = fact.experiment_id, row.folder or fact.folder
            if row.event_count == 0:
                row.state = "created" if fact.completed is None else "never_started"
                row.error = one.error
                row.agent_a_model, row.agent_b_model = models

    def phase(self, fact: ExperimentPhase) -> None:
        """What the program that runs the experiment says that it does."""
        self.made(fact.experiment_id)
        phase = None if fact.phase == "ended" else fact.phase
        self._connection.execute(
            "UPDATE experiments SET phase = ? WHERE experiment_id = ?", (phase, fact.experiment_id)
        )

    def loaded(self, fact: ExperimentLoaded) -> None:
        """The analytics database has it, up to a position."""
        self._connection.execute(_LOADED, (fact.time, fact.rows, fact.rejected, fact.through, fact.experiment_id))

    def join(self) -> set[str]:
        """Dialogues that were read before the manifest of their folder now belong to its experiment; returns the
        experiments. What changed in memory must be written before."""
        if not self._joined:
            return set()
        pairs = [(self._folders[folder], folder) for folder in self._joined]
        self._connection.executemany("UPDATE conversations SET experiment_id = ? WHERE folder = ?", pairs)
        self._joined.clear()
        self._dialogues.forget()
        if len(self._folders) > 10_000:
            self._folders.clear()
        return {experiment for experiment, _ in pairs if experiment is not None}


def _models(config: str | None) -> tuple[str | None, str | None]:
    found = json.loads(config) if config else {}
    a, b = found.get("agent_a_model"), found.get("agent_b_model")
    return (a if isinstance(a, str) else None, b if isinstance(b, str) else None)
