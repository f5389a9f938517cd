"""Messages and who observed them: the same message told twice is one row."""

from __future__ import annotations

import sqlite3

import msgspec

from eventsrc.plugin import MessageExchanged, MessageRefused, Reading, parse_time
from projections.conversations.enrichment import Enrichment, Rules, Said
from projections.conversations.runs import Runs

PLACEHOLDERS = ("unknown", "consolidated")
"""Names of senders that name nobody: recorders wrote them where a name was lost."""
KEY_SHORT = 8  # digits of the key that tell two messages of one id apart


class Messages:
    """Writes messages, their observations and what the rules find in them."""

    def __init__(self, connection: sqlite3.Connection, rules: Rules, compat: dict[str, Rules]) -> None:
        self._sql = connection
        self._rules = rules
        self._compat = compat
        self._runs = Runs(connection)

    def observed(self, fact: MessageExchanged, reading: Reading) -> None:
        """One observation: of a new message, or of one that is known."""
        received_at = parse_time(reading.recorded) or 0.0
        found = self._sql.execute("SELECT message_id, observed FROM messages WHERE key = ?", (fact.key,)).fetchone()
        if found is None:
            message_id = self._new(fact, reading.position, received_at)
        else:
            message_id = found[0]
            self._again(fact, _both(found[1], fact.observed))
        self._sql.execute(
            "INSERT OR IGNORE INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                reading.position,
                message_id,
                fact.sender,
                fact.observed or None,
                fact.observer or None,
                fact.observed_time,
                received_at,
                reading.source,
                fact.shape,
            ),
        )

    def refused(self, fact: MessageRefused, reading: Reading) -> None:
        """What holds no message, with the reason; the record itself is the event at that position."""
        self._sql.execute(
            "INSERT OR IGNORE INTO refused VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                reading.position,
                fact.reason,
                fact.shape or None,
                fact.message_id or None,
                fact.sender or None,
                fact.context_id or None,
                fact.time,
                parse_time(reading.recorded) or 0.0,
                reading.source,
                reading.id,
                fact.metadata or None,
                fact.extras or None,
            ),
        )

    def _again(self, fact: MessageExchanged, observed: str | None) -> None:
        """What a further observation adds: never another text or time, only what the first one left open."""
        self._sql.execute(
            """UPDATE messages SET observed = ?, observations = observations + 1,
              recipient = coalesce(recipient, ?), type = coalesce(type, ?), priority = coalesce(priority, ?),
              topic = coalesce(topic, ?), role = coalesce(role, ?) WHERE key = ?""",
            (observed, *_open(fact), fact.key),
        )

    def _new(self, fact: MessageExchanged, position: int, received_at: float) -> str:
        message_id = self._free_id(fact)
        at = received_at if fact.time is None else fact.time
        said = Said(fact.text)
        found = self._rules.enrich(said, fact.role)
        thread_id = self._runs.add(fact.context_id, at, position, fact.sender, found.tags)
        self._insert(message_id, fact, (position, received_at, at, thread_id), found)
        name = (message_id, fact.sender)
        self._sql.executemany("INSERT INTO message_tags VALUES (?, ?, ?)", [(*name, tag) for tag in found.tags])
        self._sql.executemany(
            "INSERT INTO message_keywords VALUES (?, ?, ?, ?)",
            [(*name, keyword, place) for place, keyword in enumerate(found.keywords)],
        )
        self._sql.executemany(
            "INSERT INTO compat_readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*name, rules, *_reading(one.enrich(said, fact.role))) for rules, one in self._compat.items()],
        )
        return message_id

    def _insert(
        self, message_id: str, fact: MessageExchanged, where: tuple[int, float, float, str], found: Enrichment
    ) -> None:
        position, received_at, at, thread_id = where
        values = {
            "message_id": message_id,
            "sender": fact.sender,
            **dict(zip(("recipient", "type", "priority", "topic", "role"), _open(fact), strict=True)),
            "context_id": fact.context_id or None,
            "time": fact.time,
            "received_at": received_at,
            "position": position,
            "text": fact.text,
            "word_count": len(fact.text.split()),
            "char_count": len(fact.text),
            "content_hash": found.content_hash,
            "chain_type": found.chain_type,
            "ace_tier": found.ace_tier,
            "observed": fact.observed or None,
            "at": at,
            "thread_id": thread_id,
            "written_id": fact.message_id or None,
            "written_time": fact.written_time or None,
            "tz_source": fact.tz_source or None,
            "chain_score": found.chain_score,
            "runner_up": found.runner_up,
            "runner_up_score": found.runner_up_score,
            "observations": 1,
            "is_placeholder": int(fact.sender in PLACEHOLDERS),
            "is_text_json": int(fact.is_text_json),
            "shape": fact.shape,
            "content": _content(fact),
            "metadata": fact.metadata or None,
            "extras": fact.extras or None,
            "key": fact.key,
        }
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        self._sql.execute(f"INSERT INTO messages({names}) VALUES ({marks})", values)

    def _free_id(self, fact: MessageExchanged) -> str:
        """The message's own id; with a piece of its key where another message of the sender has that id already."""
        own = fact.message_id or fact.key
        for candidate in (own, f"{own}~{fact.key[:KEY_SHORT]}"):
            taken = self._sql.execute(
                "SELECT 1 FROM messages WHERE message_id = ? AND sender = ?", (candidate, fact.sender)
            ).fetchone()
            if taken is None:
                return candidate
        return f"{own}~{fact.key}"


def _open(fact: MessageExchanged) -> tuple[str | None, ...]:
    """What a later observation may fill in."""
    return tuple(one or None for one in (fact.recipient, fact.kind, fact.priority, fact.topic, fact.role))


def _both(before: str | None, now: str) -> str | None:
    """`sent`, `received`, or `both` of them."""
    if not before or not now or before == now:
        return before or now or None
    return "both"


def _reading(found: Enrichment) -> tuple[str | None, ...]:
    tags, keywords = (msgspec.json.encode(some).decode() for some in (found.tags, found.keywords))
    return (found.chain_type, found.ace_tier, tags, keywords, found.content_hash)


def _content(fact: MessageExchanged) -> str | None:
    """The content where it holds more than the text."""
    plain = msgspec.json.encode({"message": fact.text}).decode()
    return fact.content if fact.content and fact.content != plain else None
