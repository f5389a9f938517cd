"""The read model `experiments`: dialogues between models, what became of them, and what manifests claim about it.

State comes from what happened: the end that a dialogue's own log tells, or that it tells none. A manifest names the
experiment, what is planned, and which folder is meant; where it says otherwise than the log, the view `contradictions`
says so.

*Must never know*: what time it is (running, stalled and crashed are answers of questions), whether files are still
there, what an analytics database holds.

*What survives a crash here*: everything that was committed. An event that comes again (a file that was rewritten, a
copy) is known by its own time and type and changes nothing.
"""

from __future__ import annotations

import sqlite3

from eventsrc.plugin import (
    ExperimentDescribed,
    ExperimentFact,
    ExperimentFactBase,
    ExperimentLoaded,
    ExperimentPhase,
    Projection,
    Reading,
)
from projections.experiments.dialogues import Course
from projections.experiments.manifests import Manifests
from projections.experiments.questions import QUESTIONS
from projections.experiments.rows import Dialogues
from projections.experiments.schema import COMPLETE, LATE_SCHEMA, SCHEMA, SETTLE

__all__ = ["Experiments"]

_KEY = "INSERT OR IGNORE INTO event_keys VALUES (?, ?)"


class Experiments(Projection):
    """Folds events of dialogues and manifests into experiments, conversations, turns, messages, tokens and errors."""

    name = "experiments"
    version = 1
    schema = SCHEMA
    late_schema = LATE_SCHEMA
    questions = QUESTIONS

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._dialogues = Dialogues(connection)
        self._course = Course(connection, self._dialogues)
        self._manifests = Manifests(connection, self._dialogues)
        self._named: dict[str, int] = {}
        """Experiments of this batch → position of the last event about them."""

    def fold(self, reading: Reading) -> None:
        """Takes one event in; one that is known already changes nothing."""
        first = True
        for fact in reading.facts:
            if not isinstance(fact, ExperimentFactBase):
                continue
            if not fact.dialogue_id:
                self._about_all(fact, reading.position)
                continue
            if first and not self._is_new(fact):
                return
            if first:
                self._course.seen(fact, reading)
                self._place(fact, reading.position)
            first = False
            self._course.fold(fact, reading.position)

    def flush(self) -> None:
        """Writes what changed, and what follows from it for experiments."""
        self._course.flush()
        experiments = self._dialogues.flush() | self._manifests.join() | self._named.keys()
        marks = [(position, name) for name, position in self._named.items()]
        self.connection.executemany("UPDATE experiments SET last_position = ? WHERE experiment_id = ?", marks)
        for name in experiments:
            self.connection.execute(SETTLE, {"id": name})
            self.connection.execute(COMPLETE, {"id": name})
        self._named.clear()

    def _is_new(self, fact: ExperimentFact) -> bool:
        return self.connection.execute(_KEY, (fact.dialogue_id, fact.key)).rowcount == 1

    def _place(self, fact: ExperimentFact, position: int) -> None:
        """Joins a dialogue to its experiment, as far as that is known."""
        row = self._dialogues.of(fact.dialogue_id)
        told = self._manifests.experiment_of(fact.folder)
        row.experiment_id = told or row.experiment_id
        if row.experiment_id is not None:
            if told is None:
                self._manifests.made(row.experiment_id)
            self._named[row.experiment_id] = position

    def _about_all(self, fact: ExperimentFact, position: int) -> None:
        if isinstance(fact, ExperimentLoaded):  # says nothing about the experiment itself
            self._manifests.loaded(fact)
            return
        if isinstance(fact, ExperimentDescribed):
            self._manifests.described(fact)
        elif isinstance(fact, ExperimentPhase):
            self._manifests.phase(fact)
        if fact.experiment_id:
            self._named[fact.experiment_id] = position
