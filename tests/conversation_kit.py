"""Messages between agents, as they arrive: made up, in every shape that the mesh knows."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.projector.generations import current
from eventsrc.projector.rebuild import rebuild
from eventsrc.query import ReadModels
from projections.conversations import Conversations
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, site

AGENTS = ("claude_code", "gemini_cli", "codex_cli")
TEXTS = (
    "Which cache layout should we test first?",
    "Benchmark done, cache index ready.",
    "The upload of the images is blocked, waiting for storage.",
    "Ich prüfe die Schnittstelle — naïve, 日本語も.",
    "no error here, nothing to build",
    "ok",
    "decided: the framework stays, strategy approved",
    "TODO implement the gaussian mesh training",
)
START = datetime(2025, 12, 1, 18, 40, tzinfo=UTC)


def agent_message(number: int, *, text: str | None = None, offset_hours: int = 2, **changes: Any) -> dict[str, Any]:
    """A message as agents send it: the time is a wall time of a zone that nobody names."""
    moment = START + timedelta(seconds=20 * number)
    sender = AGENTS[number % 2]
    wall = (moment + timedelta(hours=offset_hours)).replace(tzinfo=None)
    return {
        "message_id": f"{sender}_{int(moment.timestamp() * 1000)}",
        "timestamp": wall.isoformat(),
        "from": sender,
        "to": AGENTS[1 - number % 2],
        "type": "response" if number % 2 else "request",
        "priority": "HIGH" if number % 2 else "NORMAL",
        "content": {"message": TEXTS[number % len(TEXTS)] if text is None else text},
        **changes,
    }


def wrapped(event_type: str, message: dict[str, Any]) -> dict[str, Any]:
    """A message as an agent tells that it sent or received it."""
    agent = message.get("from") if event_type == "sent" else message.get("to")
    return {"event_type": event_type, "agent": agent, "timestamp": message.get("timestamp"), "message": message}


def flat_message(number: int, **changes: Any) -> dict[str, Any]:
    """A message as scripts send it, in a context."""
    moment = START + timedelta(seconds=30 * number)
    return {
        "message_id": f"script_{number}",
        "timestamp": moment.isoformat().replace("+00:00", "Z"),
        "sender_id": "planner",
        "context_id": f"ctx-{number % 3}",
        "content": {"message": TEXTS[number % len(TEXTS)], "phase": "design"},
        "metadata": {"sender_role": "Architect", "message_number": number},
        **changes,
    }


def recorded(number: int, **changes: Any) -> dict[str, Any]:
    """A record of the historical recorder: JSON inside JSON."""
    text = changes.pop("text", TEXTS[number % len(TEXTS)])
    moment = START + timedelta(minutes=4 * number)
    return {
        "Id": f"old_{number}",
        "Timestamp": moment.replace(tzinfo=None).isoformat(),
        "SpeakerName": AGENTS[number % 3],
        "SpeakerRole": "Agent",
        "Message": msgspec.json.encode({"message": text}).decode(),
        "ConversationType": 0,
        "ContextId": "unknown",
        "Metadata": {"sender_role": "Agent", "chain_type": "data_management", "shl_tags": ["@Chain-data_management"]},
        **changes,
    }


def mix(count: int, *, seed: int = 1) -> list[bytes]:
    """A live mesh: mostly pairs of wrapped messages, and whatever was seen beside them, shuffled a little."""
    chance = random.Random(seed)
    found: list[Any] = []
    for number in range(count):
        message = agent_message(number)
        kind = chance.random()
        if kind < 0.7:
            found += [wrapped("sent", message), wrapped("received", message)]
        elif kind < 0.8:
            found.append(flat_message(number))
        elif kind < 0.85:
            found += [recorded(number), recorded(number, Message="{}", SpeakerName="unknown", Metadata={"n": 1})]
        elif kind < 0.9:
            found += [message, wrapped("sent", agent_message(number, text=f"another text of one millisecond {number}"))]
        elif kind < 0.95:
            found.append(wrapped("sent", {**message, "content": "a plain text", "timestamp": None}))
        else:
            found += [{"from": "", "to": "x", "content": {"message": "nobody said this"}}, {"hello": "world"}]
    for _ in range(count // 4):  # neighbours out of order
        place = chance.randrange(len(found) - 1)
        found[place], found[place + 1] = found[place + 1], found[place]
    return [msgspec.json.encode(one) for one in found]


def asked(folder: Path, lines: Iterable[bytes], source: str = "zmq+pull://127.0.0.1:5557") -> ReadModels:
    """The read model of some records, built as the engine builds it, and the questions to it."""
    formats = Formats.load()
    events = []
    for position, line in enumerate(lines, 1):
        record = Record(source, line, str(position))
        events.append(event_of(record, formats.recognise(record), position=position))
    here = site(folder / "read", ListLog(events), formats, join)
    rebuild([Conversations], here)
    return ReadModels(here.read_dir, {Conversations.name: Conversations.questions}, current)
