"""Experiments of a test: records of both eras, invented, in the order in which a folder would give them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.plugin import Reading
from tests.conformance.formats import event_of

FOLDER = "file:///lab/experiments/calm-lake_0a1b2c3d"


def line(kind: str, second: float, conversation: str = "conv_1", **fields: Any) -> bytes:
    """A flat record, `second` seconds after ten o'clock, UTC."""
    minute, rest = divmod(second, 60)
    stamp = f"2026-02-03T10:{int(minute):02d}:{rest:09.6f}+00:00"
    return json.dumps({"conversation_id": conversation, **fields, "timestamp": stamp, "event_type": kind}).encode()


def said(agent: str, text: str, second: float, conversation: str = "conv_1", **fields: Any) -> bytes:
    """A message."""
    message = {"role": "assistant", "content": text, "agent_id": agent}
    given = {"tokens_used": len(text.split()), "duration_ms": 100, **fields}
    return line("MessageCompleteEvent", second, conversation, agent_id=agent, message=message, **given)


def dialogue(conversation: str = "conv_1", turns: int = 2, *, end: str | None = "max_turns_reached") -> list[bytes]:
    """A dialogue of whole turns, with its end unless `end` is None."""
    lines = [
        line("ConversationStartEvent", 0, conversation, agent_a_model="m-a", agent_b_model="m-b", max_turns=turns,
             initial_prompt="Talk about lakes."),
        line("SystemPromptEvent", 0.1, conversation, agent_id="agent_a", prompt="You are one of two."),
    ]  # fmt: skip
    for turn in range(turns):
        at = 1 + 2 * turn
        lines += [
            line("TurnStartEvent", at, conversation, turn_number=turn),
            line("MessageRequestEvent", at + 0.1, conversation, agent_id="agent_a", turn_number=turn,
                 conversation_history=[{"role": "user", "content": "…"}]),
            said("agent_a", f"The lake is calm, part {turn}.", at + 0.5, conversation),
            line("TokenUsageEvent", at + 0.6, conversation, agent_id="agent_a", model="m-a", provider="p",
                 prompt_tokens=10, completion_tokens=5, tokens_used=15),
            said("agent_b", f"So it is, part {turn}.", at + 1.0, conversation),
            line("TurnCompleteEvent", at + 1.1, conversation, turn_number=turn, convergence_score=0.25 * turn, turn={}),
        ]  # fmt: skip
    if end is not None:
        lines.append(line("ConversationEndEvent", 2 + 2 * turns, conversation, reason=end, total_turns=turns,
                          duration_ms=1000))  # fmt: skip
    return lines


def manifest(*conversations: str, planned: int | None = None, **claims: Any) -> bytes:
    """A manifest that lists conversations."""
    listed = {name: {"status": "created", "last_line": 0} for name in conversations}
    fields = {
        "experiment_id": "experiment_0a1b2c3d",
        "name": "calm-lake",
        "created_at": "2026-02-03T09:59:00+00:00",
        "config": {"agent_a_model": "m-a", "agent_b_model": "m-b", "repetitions": len(conversations)},
        "total_conversations": len(conversations) if planned is None else planned,
        "status": "running",
        "conversations": listed,
        **claims,
    }
    return json.dumps(fields, indent=2).encode()


def events(records: Sequence[tuple[str, bytes]], *, recorded: str = "2026-02-03T12:00:00.000000Z") -> list[Event]:
    """(source, bytes) as the log would hold them."""
    formats = Formats.load()
    found = []
    for position, (source, data) in enumerate(records, 1):
        record = Record(source, data, str(position))
        found.append(event_of(record, formats.recognise(record), position=position, recorded=recorded))
    return found


def readings(records: Sequence[tuple[str, bytes]], **when: str) -> list[Reading]:
    """What they mean."""
    formats = Formats.load()
    return [formats.read(event) for event in events(records, **when)]


def at(folder: str, *files: tuple[str, Iterable[bytes]]) -> list[tuple[str, bytes]]:
    """Files of a folder as records: a name and its lines each."""
    return [(f"{folder}/{name}", data) for name, lines in files for data in lines]


def read_folder(root: Path) -> list[tuple[str, bytes]]:
    """Every record below a folder as a source hands them over: logs line by line, manifests whole."""
    records: list[tuple[str, bytes]] = []
    for path in sorted(root.rglob("*.json*")):
        data = path.read_bytes()
        lines = data.split(b"\n") if path.suffix == ".jsonl" else [data] if path.name == "manifest.json" else []
        records += [(f"file://{path}", one) for one in lines if one.strip()]
    return records


def renumbered(found: Iterable[Reading], first: int = 1_000) -> list[Reading]:
    """Readings in another order, or again: later in the log than what a test began with."""
    return [msgspec.structs.replace(one, position=number, id=f"e{number}") for number, one in enumerate(found, first)]
