"""`manifest.json` and `metadata.json`: what the program that runs an experiment claims about it.

They are whole files, rewritten all the time, and recorded each time that they changed. Real ones say `completed` beside
an error, name logs that do not exist, and forget counts; so everything in here is a claim, told as one.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from eventsrc.formats.experiment_fields import is_object, member, moment, text, whole
from eventsrc.plugin import DialogueDescribed, ExperimentDescribed


class Manifest(Struct):
    """The fields that carry meaning, of both kinds of file."""

    experiment_id: Any = None
    event_type: Any = None
    name: Any = None
    status: Any = None
    error: Any = None
    created_at: Any = None
    started_at: Any = None
    completed_at: Any = None
    total_conversations: Any = None
    completed_conversations: Any = None
    failed_conversations: Any = None
    config: Raw = Raw()
    conversations: Any = None


_MANIFEST = msgspec.json.Decoder(Manifest)


def manifest_of(data: bytes | Raw) -> Manifest | None:
    """The manifest; None when the object is something else. Raises msgspec.DecodeError or RecursionError."""
    found = _MANIFEST.decode(data)
    named = bool(text(found.experiment_id)) and found.event_type is None
    planned = isinstance(found.conversations, dict) or whole(found.total_conversations) is not None
    return found if named and planned and (text(found.status) is not None or is_object(found.config)) else None


def read_manifest(data: bytes | Raw, folder: str) -> ExperimentDescribed:
    """What a manifest claims. ValueError when it is none."""
    try:
        found = manifest_of(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if found is None:
        raise ValueError("a manifest names an experiment and what it shall have")
    config = bytes(found.config).decode("utf-8", "replace") if is_object(found.config) else None
    planned = whole(found.total_conversations)
    if planned is None and config is not None:
        planned = whole(member(msgspec.json.decode(config), "repetitions"))
    listed = found.conversations if isinstance(found.conversations, dict) else {}
    return ExperimentDescribed(
        experiment_id=text(found.experiment_id) or "",
        folder=folder,
        name=text(found.name),
        status=text(found.status),
        error=text(found.error) or None,
        created=moment(found.created_at),
        started=moment(found.started_at),
        completed=moment(found.completed_at),
        planned=planned,
        claimed_completed=whole(found.completed_conversations),
        claimed_failed=whole(found.failed_conversations),
        config=config,
        dialogues=tuple(_described(name, claims) for name, claims in listed.items()),
    )


def _described(name: str, claims: Any) -> DialogueDescribed:
    turns = whole(member(claims, "total_turns"))
    return DialogueDescribed(
        dialogue_id=name,
        status=text(member(claims, "status")),
        total_turns=whole(member(claims, "turns_completed")) if turns is None else turns,
        last_line=whole(member(claims, "last_line")),
        total_tokens=whole(member(member(claims, "token_usage"), "total")),
        error=text(member(claims, "error")) or None,
    )
