"""Messages between agents as rows: one per message, however often and by whomever it was told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.event import Record
from eventsrc.formats.conversation import Conversation
from eventsrc.plugin import Fact, MessageExchanged
from eventsrc.testing.given import Given
from projections.conversations import Conversations
from projections.conversations.rules import packaged
from tests.conformance.formats import event_of
from tests.conversation_kit import START, agent_message, flat_message, recorded, wrapped


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    with Given(Conversations, tmp_path) as one:
        yield one


def fact_of(message: dict[str, Any]) -> Fact:
    """What the format says of a record from the wire."""
    record = Record("zmq+pull://127.0.0.1:5557", msgspec.json.encode(message), "1")
    envelope = Conversation().recognise(record)
    assert envelope is not None
    (fact,) = Conversation().read(event_of(record, envelope))
    return fact


def said(text: str, seconds: float, **changes: Any) -> MessageExchanged:
    """A message at so many seconds after the start, in no context."""
    fields: dict[str, Any] = {
        "sender": "a",
        "message_id": f"m{seconds}",
        "time": START.timestamp() + seconds,
        "shape": "agent",
    }
    fields |= {"key": f"{text}{seconds}{changes}"} | changes
    return MessageExchanged(text=text, **fields)


@pytest.mark.parametrize("order", list(itertools.permutations(("sent", "received", "plain"))), ids=str)
def test_a_message_that_was_sent_received_and_seen_is_one(given: Given, order: tuple[str, ...]) -> None:
    message = agent_message(4)
    told = {"sent": wrapped("sent", message), "received": wrapped("received", message), "plain": message}
    given.facts(*(fact_of(told[one]) for one in order))
    row = given.row("SELECT * FROM messages")
    assert (row["sender"], row["recipient"], row["type"], row["priority"]) == (
        "claude_code",
        "gemini_cli",
        "request",
        "NORMAL",
    )
    assert (row["text"], row["observed"], row["observations"]) == (message["content"]["message"], "both", 3)
    assert given.rows("SELECT count(*), count(DISTINCT observer) FROM observations") == [(3, 2)]


def test_two_messages_of_one_id_stay_apart_and_keep_what_the_producer_called_them(given: Given) -> None:
    given.facts(*(fact_of(agent_message(2, text=text)) for text in ("one", "two", "one")))
    rows = given.rows("SELECT message_id, written_id, text, observations FROM messages ORDER BY position")
    own = agent_message(2)["message_id"]
    assert [row[1:] for row in rows] == [(own, "one", 2), (own, "two", 1)]
    assert rows[0][0] == own
    assert rows[1][0].startswith(f"{own}~") and len(rows[1][0]) == len(own) + 9


def test_a_message_is_shown_by_its_id_its_beginning_or_its_key(given: Given) -> None:
    fact = fact_of(agent_message(2))
    assert isinstance(fact, MessageExchanged)
    given.facts(fact, fact_of(agent_message(3)))
    for name in (fact.message_id, fact.message_id[:-3], fact.key):
        assert [row["key"] for row in given.ask("show", message_id=name)] == [fact.key]
    assert given.ask("show", message_id=fact.key[:-1]) == []


def test_a_message_without_an_id_is_known_again_by_its_time(given: Given) -> None:
    message = agent_message(2, message_id=None)
    given.facts(fact_of(wrapped("sent", message)), fact_of(wrapped("received", message)))
    assert given.rows("SELECT observed, written_id FROM messages") == [("both", None)]


def test_nothing_without_a_text_or_a_sender_becomes_a_message(given: Given) -> None:
    given.facts(
        fact_of(wrapped("sent", agent_message(1, content={}))),
        fact_of({**agent_message(1), "from": ""}),
        fact_of(recorded(1, Message="{}", SpeakerName="unknown")),
        fact_of({"hello": "world"}),
    )
    assert given.rows("SELECT count(*) FROM messages") == [(0,)]
    assert [row["reason"] for row in given.ask("refused", limit=9)] == ["no shape", "empty", "no sender", "empty"]


def test_what_is_derived_stands_beside_what_was_said(given: Given) -> None:
    given.facts(fact_of(recorded(1)))  # its own metadata call it data_management
    row = given.row("SELECT chain_type, metadata FROM messages")
    assert row["chain_type"] == "data_management" and '"sender_role":"Agent"' in row["metadata"]
    assert given.rows("SELECT rules, chain_type FROM compat_readings") == [
        ("compat_broker", "data_management"),
        ("compat_daemon", "data_management"),
        ("compat_migration", "data_management"),
    ]
    assert given.rows("SELECT tag FROM message_tags ORDER BY tag") == [("@Chain-data_management",), ("@Status-Ready",)]
    assert given.rows("SELECT keyword FROM message_keywords ORDER BY place") == [("benchmark",), ("cache",), ("index",)]


def test_the_rules_that_made_the_rows_stand_in_the_read_model_with_their_text(given: Given) -> None:
    given.facts(fact_of(agent_message(1)), fact_of(agent_message(2)))
    found = given.ask("rules")
    assert [(row["name"], row["in_force"]) for row in found] == [
        ("default", 1),
        ("compat_broker", 0),
        ("compat_daemon", 0),
        ("compat_migration", 0),
    ]
    assert found[0]["text"] == packaged("default")


def test_rules_of_a_persons_own_are_another_variant_and_read_all_messages(tmp_path: Path) -> None:
    text = packaged("default").replace('name = "default"', 'name = "mine"').replace('"cache"', '"grandma"')
    mine = Conversations.furnished(text)
    assert mine.variant != Conversations.variant and mine.variant.startswith("mine@")
    with Given(mine, tmp_path) as one:
        one.facts(said("grandma and the cache", 0))
        assert one.rows("SELECT chain_type, chain_score FROM messages") == [("data_management", 1)]
    with pytest.raises(ValueError, match="a name of their own"):
        Conversations.furnished(packaged("default"))


def test_messages_without_context_run_on_until_a_pause_of_more_than_five_minutes(given: Given) -> None:
    given.facts(*(said(str(n), at) for n, at in enumerate((0, 300, 600, 900.5, 900.6, 2000))))
    assert given.rows("SELECT thread_id, message_count, duration_ms FROM threads") == [("session_1", 3, 600_000)]
    assert given.rows("SELECT run_id, message_count FROM runs ORDER BY start_time") == [
        ("session_1", 3),
        ("session_4", 2),
        ("session_6", 1),
    ]


def test_runs_are_the_same_in_whatever_order_the_messages_come(tmp_path: Path) -> None:
    times = [0, 10, 290, 300, 580, 870, 1200, 1201, 1900, 2200, 2201]
    seen = set()
    for seed in range(25):
        order = times[:]
        random.Random(seed).shuffle(order)
        with Given(Conversations, tmp_path) as one:
            one.facts(*(said("blocked" if at in (870, 2201) else "ready", at) for at in order))
            shape = one.rows("SELECT start_time, end_time, message_count, last_status FROM runs ORDER BY start_time")
            members = one.rows(
                """SELECT r.start_time, count(*), min(m.at), max(m.at) FROM runs r JOIN messages m
                ON m.thread_id = r.run_id GROUP BY r.run_id ORDER BY 1"""
            )
            seen.add((tuple(shape), tuple(members)))
    assert len(seen) == 1
    ((runs, _),) = seen
    assert [run[2:] for run in runs] == [(6, "Blocked"), (2, "Ready"), (3, "Blocked")]


def test_a_context_is_a_thread_with_its_speakers_and_how_it_ended(given: Given) -> None:
    given.facts(*(fact_of(flat_message(n, sender_id=sender)) for n, sender in ((1, "a"), (4, "b"), (7, "a"))))
    (thread,) = given.ask("threads", limit=10)
    assert (thread["thread_id"], thread["message_count"], thread["participants"]) == ("ctx-1", 3, '["a","b"]')
    assert thread["final_status"] == "unknown"  # the last one is "TODO …": nobody can tell


def test_a_context_that_is_called_like_a_run_of_ours_stays_apart_from_it(given: Given) -> None:
    given.facts(said("one", 0), said("two", 10), said("three", 20, context_id="session_1"))
    assert given.rows("SELECT run_id FROM runs ORDER BY 1") == [("context_session_1",), ("session_1",)]


def test_a_domain_that_changes_and_stays_is_a_shift(given: Given) -> None:
    texts = ("cache", "a test", "storage", "database", "the test", "hello", "benchmark")
    given.facts(*(said(text, n * 10) for n, text in enumerate(texts)))
    shifts = given.ask("shifts", thread_id="session_1")
    assert [(row["from_topic"], row["to_topic"]) for row in shifts] == [
        ("testing_validation", "data_management"),
        ("data_management", "testing_validation"),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, 4),
        ({"speaker": "a"}, 3),
        ({"domain": "data_management"}, 2),
        ({"domain": "unclassified"}, 1),
        ({"context": "c"}, 1),
        ({"tag": "@Status-Blocked"}, 1),
        ({"type": "request"}, 1),
        ({"since": START.timestamp() + 10}, 3),
        ({"until": START.timestamp() + 10}, 1),
        ({"speaker": "a", "domain": "data_management"}, 1),
        ({"limit": 2}, 2),
    ],
)
def test_messages_are_found_by_what_is_known_of_them(given: Given, filters: dict[str, Any], expected: int) -> None:
    given.facts(
        said("the cache is blocked", 0),
        said("a database", 10, sender="b", kind="request"),
        said("hello", 20),
        said("a test", 30, context_id="c"),
    )
    assert len(given.ask("list", **{"limit": 50, **filters})) == expected


def test_requests_are_answered_by_a_response_before_the_next_request(given: Given) -> None:
    given.facts(
        said("q1", 0, sender="a", recipient="b", kind="request"),
        said("r1", 4, sender="b", recipient="a", kind="response"),
        said("q2", 10, sender="a", recipient="b", kind="request"),
        said("q3", 20, sender="a", recipient="b", kind="request"),
        said("r3", 28, sender="b", recipient="a", kind="response"),
        said("q4", 30, sender="c", recipient="b", kind="request"),
        said("r?", 31, sender="b", recipient="a", kind="response"),
    )
    assert given.ask("report_answers") == [{"requests": 4, "answered": 2, "median_answer_seconds": 6.0}]
