"""Generated streams are what they claim to be: same bytes from the same seed, right shape, nothing unreadable."""

from __future__ import annotations

import json
from collections import Counter

from eventsrc.formats import sse_rows
from eventsrc.formats.sse_delta import piece_of
from eventsrc.formats.sse_lines import SseLines
from eventsrc.plugin import (
    AgentFactBase,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    Fact,
    MessageEnded,
    MessageStarted,
    PromptSubmitted,
    RoundEnded,
    ToolResultReceived,
    Unknown,
    UsageReported,
)
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from tests.conformance.formats import event_of, facts_in, record_of


def facts_of(events: int, *, claude: int = 2, codex: int = 1) -> list[Fact]:
    lines = generate_sse_lines(events, seed=11, claude=claude, codex=codex)
    return [fact for line in lines for fact in facts_in(SseLines(), line) or ()]


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not() -> None:
    assert list(generate_sse_lines(300, seed=4)) == list(generate_sse_lines(300, seed=4))
    assert list(generate_sse_lines(300, seed=4)) != list(generate_sse_lines(300, seed=5))
    assert list(generate_transcript(60, seed=4)) == list(generate_transcript(60, seed=4))


def test_lines_are_as_long_and_as_often_deltas_as_real_ones() -> None:
    lines = list(generate_sse_lines(4_000, seed=2, codex=0))
    deltas = sum(b"content_block_delta" in line for line in lines)
    assert 500 < sum(map(len, lines)) / len(lines) < 700
    assert 0.85 < deltas / len(lines) < 0.97
    assert all(b"\n" not in line for line in lines)


def test_every_generated_record_means_something() -> None:
    facts = facts_of(4_000)
    kinds = Counter(type(fact) for fact in facts)
    assert Unknown not in kinds
    wanted = (BlockDelta, MessageStarted, MessageEnded, PromptSubmitted, RoundEnded, ToolResultReceived, UsageReported)
    assert all(kinds[kind] > 3 for kind in wanted)
    assert {fact.agent for fact in facts if isinstance(fact, AgentFactBase)} == {"claude_code", "codex"}


def test_tool_inputs_are_json_and_results_belong_to_calls() -> None:
    facts = facts_of(6_000, claude=1, codex=1)
    texts: dict[tuple[str, int], str] = {}
    calls: dict[str, tuple[str, int]] = {}
    for fact in facts:
        if isinstance(fact, BlockStarted) and fact.tool_use_id:
            calls[fact.tool_use_id] = (fact.request_id or fact.message_id, fact.index)
        elif isinstance(fact, BlockDelta) and fact.kind == "json":
            key = (fact.request_id or fact.message_id, fact.index)
            texts[key] = texts.get(key, "") + fact.text
    results = [fact.tool_use_id for fact in facts if isinstance(fact, ToolResultReceived)]
    assert len(results) > 10
    assert all(json.loads(texts[calls[call]]) for call in results)


def test_a_codex_call_has_one_id_in_all_its_records() -> None:
    facts = facts_of(3_000, claude=0, codex=1)
    streamed = {fact.tool_use_id for fact in facts if isinstance(fact, BlockStarted) and fact.tool_use_id}
    received = [fact.tool_use_id for fact in facts if isinstance(fact, BlockReceived) and fact.tool_use_id]
    results = [fact.tool_use_id for fact in facts if isinstance(fact, ToolResultReceived)]
    assert streamed >= set(results)
    assert set(received) <= streamed
    assert max(Counter(received).values()) == max(Counter(results).values()) == 2


def test_the_twin_of_a_token_count_is_the_same_call() -> None:
    usage = [fact for fact in facts_of(3_000, claude=0, codex=1) if isinstance(fact, UsageReported)]
    assert len(usage) > 10
    numbers = {(fact.usage_id, fact.input_tokens, fact.output_tokens) for fact in usage}
    assert len(numbers) == len({fact.usage_id for fact in usage}) == (len(usage) + 1) // 2


def test_a_transcript_repeats_the_usage_of_a_message_on_each_of_its_lines() -> None:
    records = [json.loads(line) for line in generate_transcript(200, seed=6)]
    messages = [record["message"] for record in records if record["type"] == "assistant"]
    lines = Counter(message["id"] for message in messages)
    assert max(lines.values()) > 2
    assert all("usage" in message for message in messages)
    parents = {record["uuid"] for record in records}
    assert all(record["parentUuid"] in parents for record in records[1:])


def test_most_rows_go_the_short_way_once_the_long_way_has_seen_their_writer() -> None:
    """What the short way says is held against the long way by the conformance suite."""
    short = rows = 0
    for line in generate_sse_lines(2_000, seed=8, claude=2, codex=1):
        record = record_of(line)
        envelope = SseLines().recognise(record)
        assert envelope is not None
        row, event = sse_rows.decode_row(line), event_of(record, envelope)
        piece = piece_of(event, row)
        if piece is None:
            SseLines().read(event)
        rows += 1
        short += piece is not None
    assert short > 0.7 * rows
