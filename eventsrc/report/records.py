"""Messages in the form in which the historical recorders wrote them: eight fixed keys, the content as JSON inside JSON.

    daemon      as the persistence daemon would have written it
    broker      as the broker would have

The sender's own metadata come first and what was derived overwrites them, as it did then. Who a message was for, its
type, its priority and its topic frame have no place in this form.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

RULES = {"daemon": "compat_daemon", "broker": "compat_broker"}
"""Recorder → the rules by which it read messages."""
NOBODY, NOWHERE = "unknown", "unknown"


def record_of(row: Mapping[str, Any], recorder: str) -> bytes:
    """One line without its line feed, from one row of the question `report_records` (asked for the recorder's rules).
    The broker's `Id` was random; here it follows from the message, so that two exports are equal. The text inside of
    `Message` is ASCII, the line around it is UTF-8, as it was."""
    metadata = json.loads(row["metadata"]) if row["metadata"] else {}
    record = {
        "Id": _uuid(row) if recorder == "broker" else row["message_id"],
        "Timestamp": row["written"] or _naive(row["at"]),
        "SpeakerName": row["sender"] or NOBODY,
        "SpeakerRole": row["role"] or "Agent",
        "Message": json.dumps(json.loads(row["content"])),
        "ConversationType": 0,
        "ContextId": row["context_id"] or NOWHERE,
        "Metadata": _broker(row) if recorder == "broker" else metadata | _derived(row),
    }
    extras = json.loads(row["extras"]) if row["extras"] else {}
    return json.dumps(record | extras, ensure_ascii=False).encode("utf-8", "replace")


def _uuid(row: Mapping[str, Any]) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{row['sender']}/{row['message_id']}/{row['position']}"))


def _derived(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "chain_type": row["chain_type"],
        "ace_tier": row["ace_tier"],
        "shl_tags": json.loads(row["tags"]),
        "word_count": row["word_count"],
        "char_count": row["char_count"],
        "content_hash": row["content_hash"],
    }


def _broker(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "zmq_message_id": row["message_id"],
        "topic": row["topic"] or "general",
        "word_count": row["word_count"],
        "char_count": row["char_count"],
        "chain_type": row["chain_type"],
        "ace_tier": row["ace_tier"],
        "shl_tags": json.loads(row["tags"]),
        "keywords": json.loads(row["keywords"]),
        "content_hash": row["content_hash"],
        "timestamp": row["written"] or _naive(row["at"]),
    }


def _naive(seconds: float) -> str:
    """UTC without a zone: what those recorders wrote where a message had no time."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
