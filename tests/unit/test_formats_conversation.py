"""Messages between agents in every shape, whole and damaged, against what a person found right.

Beside each `x.jsonl` of the corpus lies `x.facts`: of each record its type, stream and time, and what it means.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.formats.conversation import Conversation, key_of
from eventsrc.plugin import MessageExchanged, MessageRefused
from tests.conformance.formats import CORPUS, event_of, told
from tests.conversation_kit import agent_message, wrapped

RECORDS = sorted((CORPUS / "conversation").rglob("*.jsonl"))
WIRE = "zmq+sub://127.0.0.1:5556"


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name.removesuffix(".jsonl"))
def test_records_mean_what_stands_beside_them(path: Path) -> None:
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    expected = path.with_name(path.name.removesuffix(".jsonl") + ".facts").read_text("utf-8")
    assert "".join(told(Conversation(), line) for line in lines) == expected


def over_the_wire(data: bytes, **extensions: str | int | bool) -> tuple[str, MessageExchanged | MessageRefused]:
    """Type and fact of a payload, through the log's own codec."""
    record = Record(WIRE, data, "1", extensions=extensions or None)
    envelope = Formats.load().recognise(record)
    (fact,) = Conversation().read(event_of(record, envelope))
    assert isinstance(fact, MessageExchanged | MessageRefused)
    return envelope.type, fact


def test_sent_and_received_of_one_message_are_two_events_and_one_message() -> None:
    message = agent_message(1)
    (sent_type, sent), (received_type, received) = (
        over_the_wire(msgspec.json.encode(wrapped(kind, message))) for kind in ("sent", "received")
    )
    assert (sent_type, received_type) == ("conversation.sent", "conversation.received")
    assert isinstance(sent, MessageExchanged) and isinstance(received, MessageExchanged)
    assert sent.key == received.key
    assert (sent.observed, sent.observer, received.observed, received.observer) == (
        "sent",
        "gemini_cli",
        "received",
        "claude_code",
    )


def test_two_messages_of_one_millisecond_stay_apart() -> None:
    assert key_of("a_1", "a", "one") != key_of("a_1", "a", "two")
    assert key_of("a_1", "ab", "c") != key_of("a_1", "a", "bc")


def test_the_topic_frame_is_kept_and_goes_before_what_the_payload_says() -> None:
    payload = msgspec.json.encode(agent_message(2, topic="general"))
    fact = over_the_wire(payload, topic="gemini_cli")[1]
    assert isinstance(fact, MessageExchanged) and fact.topic == "gemini_cli"
    fact = over_the_wire(payload, topic=5)[1]
    assert isinstance(fact, MessageExchanged) and fact.topic == "general"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b'{"hello":"world"}', "no shape"),
        (b"[1]", "no shape"),
        (b'{"from":"a","content":{}}', "empty"),
        (b'{"content":"x","metadata":{}}', "no sender"),
    ],
)
def test_whatever_came_over_the_wire_and_is_no_message_is_rejected_with_a_reason(payload: bytes, reason: str) -> None:
    event_type, fact = over_the_wire(payload)
    assert event_type == "conversation.rejected"
    assert isinstance(fact, MessageRefused) and fact.reason == reason


def test_the_same_bytes_from_a_file_may_be_of_another_format() -> None:
    record = Record("file:///notes.jsonl", b'{"hello":"world"}', "1")
    assert Conversation().recognise(record) is None
