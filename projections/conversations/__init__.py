"""The read model `conversations`: what agents said to each other, and what rules find in it.

A message that its sender and its receiver both told of is one row that was observed twice. What is derived (domain,
tier, tags, keywords, hash) is a reading by rules that have a version; it never replaces what was said, and other rules
build the read model again. The historical rules are read beside those in force, so that both can be compared and
exported.

*Must never know*: over which wire a message came, whether it is live or imported, what time it is.

*What survives a crash here*: everything that was committed. The rules in force stand in `enrichment_rules` with their
whole text, so the rows can always be explained; nothing is kept in memory between two batches.
"""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from eventsrc.plugin import MessageExchanged, MessageRefused, Projection, Reading, parse_time
from projections.conversations.enrichment import Rules
from projections.conversations.messages import Messages
from projections.conversations.questions import QUESTIONS
from projections.conversations.rules import PACKAGED, packaged, ruleset, version_of
from projections.conversations.schema import LATE_SCHEMA, SCHEMA

__all__ = ["Conversations"]

DEFAULT, *COMPAT = PACKAGED


class Conversations(Projection):
    """Folds messages between agents into messages, tags, keywords and threads."""

    name = "conversations"
    version = 1
    variant = version_of(DEFAULT, packaged(DEFAULT))
    schema = SCHEMA
    late_schema = LATE_SCHEMA
    questions = QUESTIONS
    rules: ClassVar[str] = packaged(DEFAULT)
    """The text of the rules in force."""

    @classmethod
    def furnished(cls, text: str) -> type[Projection]:
        """The same with a person's rules in force."""
        found = ruleset(text)
        if found.name in PACKAGED:
            raise ValueError(f"rules of your own need a name of their own, not {found.name!r}")
        return type(cls.__name__, (cls,), {"rules": text, "variant": version_of(found.name, text)})

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        compat = {name: Rules(ruleset(packaged(name))) for name in COMPAT}
        self._messages = Messages(connection, Rules(ruleset(self.rules)), compat)
        self._said_rules = False
        self._waiting: list[tuple[MessageExchanged | MessageRefused, Reading]] = []

    def fold(self, reading: Reading) -> None:
        """Takes one event in."""
        for fact in reading.facts:
            if type(fact) is MessageExchanged or type(fact) is MessageRefused:  # `isinstance` is slow for structs
                self._waiting.append((fact, reading))

    def flush(self) -> None:
        """Writes what came, in its order."""
        if self._waiting and not self._said_rules:
            self._say_rules(self._waiting[0][1])
            self._said_rules = True
        for fact, reading in self._waiting:
            if isinstance(fact, MessageExchanged):
                self._messages.observed(fact, reading)
            else:
                self._messages.refused(fact, reading)
        self._waiting.clear()

    def _say_rules(self, first: Reading) -> None:
        """Which rules made the rows: written once, with the first of them."""
        texts = [self.rules, *(packaged(name) for name in COMPAT)]
        applied_at = parse_time(first.recorded) or 0.0
        self.connection.executemany(
            "INSERT OR IGNORE INTO enrichment_rules VALUES (?, ?, ?, ?, ?)",
            [
                (version_of(name, text), applied_at, name, int(text is self.rules), text)
                for name, text in ((ruleset(text).name, text) for text in texts)
            ],
        )
