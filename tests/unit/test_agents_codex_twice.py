"""One thread of Codex, told by its rollout and by an instrumented stream: one row per prompt, item, call and usage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.plugin import Reading
from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.conformance.formats import event_of

CALL = {"type": "function_call", "id": "fc_1", "name": "sh", "arguments": "{}", "call_id": "call_1"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
ANSWER = {"type": "message", "id": "msg_1", "role": "assistant"}
THREAD = "019f0000-0000-7000-8000-000000000001"
TURN = "019f0000-1111-7000-8000-0000000000aa"
ROLLOUT = f"file:///home/dev/.codex/sessions/rollout-2026-11-01T10-00-00-{THREAD}.jsonl"
USED = {"input_tokens": 2500, "cached_input_tokens": 400, "output_tokens": 120, "reasoning_output_tokens": 64}
COUNT = {"type": "token_count", "info": {"total_token_usage": USED, "last_token_usage": USED}}


def rollout() -> Iterator[bytes]:
    lines: list[tuple[str, dict[str, Any]]] = [
        ("session_meta", {"id": THREAD, "cwd": "/home/dev/app", "cli_version": "0.60.1"}),
        ("event_msg", {"type": "task_started", "turn_id": TURN}),
        ("turn_context", {"turn_id": TURN, "model": "gpt-5"}),
        ("response_item", {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
        ("event_msg", {"type": "user_message", "message": "Hi"}),
        ("response_item", {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}),
        ("response_item", CALL),
        ("event_msg", COUNT),
        ("response_item", OUTPUT),
        ("response_item", ANSWER | {"content": [{"type": "output_text", "text": "Hello."}]}),
        ("event_msg", {"type": "task_complete", "turn_id": TURN, "last_agent_message": "Hello."}),
    ]  # fmt: skip
    for second, (kind, payload) in enumerate(lines):
        yield json.dumps({"timestamp": f"2026-11-01T09:00:{second:02}.000Z", "type": kind, "payload": payload}).encode()


def stream(*, out_of_turn: bool = False) -> Iterator[bytes]:
    pieces = ["Hel", "lo", "."]
    said = [pieces[1], pieces[0], pieces[2]] if out_of_turn else pieces
    records: list[tuple[str, dict[str, Any]]] = [
        ("turn.task_started", {"payload": {}}),
        ("turn.user_message", {"payload": {"message": "Hi"}}),
        ("response.output_item.added", {"item": {"id": "rs_1", "type": "reasoning"}}),
        ("response.reasoning_summary_part.added", {"item_id": "rs_1", "summary_index": 0}),
        ("response.reasoning_summary_text.delta", {"item_id": "rs_1", "summary_index": 0, "delta": "Hm."}),
        ("response.reasoning_summary_text.done", {"item_id": "rs_1", "summary_index": 0, "text": "Hm."}),
        ("response.output_item.added", {"item": CALL | {"arguments": ""}}),
        ("response.function_call_arguments.delta", {"item_id": "fc_1", "delta": "{}"}),
        ("response.output_item.done", {"item": CALL}),
        ("turn.token_count", {"payload": COUNT}),
        ("turn.raw_response_item", {"payload": {"item": OUTPUT}}),
        ("response.output_item.added", {"item": ANSWER}),
        ("response.content_part.added", {"item_id": "msg_1", "content_index": 0}),
        *[("response.output_text.delta", {"item_id": "msg_1", "content_index": 0, "delta": piece}) for piece in said],
        ("response.output_text.done", {"item_id": "msg_1", "content_index": 0, "text": "Hello."}),
        ("response.output_item.done", {"item": ANSWER}),
        ("turn.response.completed", {"payload": {"last_agent_message": "Hello."}}),
    ]  # fmt: skip
    metadata = json.dumps({"ver": "codex.0.60.1", "pid": 7, "cwd": "/home/dev/app", "turn_id": TURN})
    for number, (event, body) in enumerate(records):
        row = {"event": event, "t": f"2026-11-01T09:00:0{number // 4}.500", "line": f"data: {json.dumps(body)}"}
        yield json.dumps(row | {"metadata": metadata, "sid": THREAD}).encode()


def read(lines: Iterator[bytes], source: str, first: int) -> list[Reading]:
    formats, found = Formats.load(), list[Reading]()
    for position, line in enumerate(lines, first):
        record = Record(source, line, f"f:{first}:{position}")
        found.append(formats.read(event_of(record, formats.recognise(record), position=position)))
    assert all(reading.raw is None for reading in found)
    return found


def interleaved(one: list[Reading], other: list[Reading]) -> list[Reading]:
    return (
        [reading for pair in zip(one, other, strict=False) for reading in pair] + one[len(other) :] + other[len(one) :]
    )


@pytest.mark.parametrize("order", ["rollout first", "stream first", "in turns", "stream again"])
def test_everything_is_one_row(tmp_path: Path, order: str) -> None:
    written, live = read(rollout(), ROLLOUT, 1), read(stream(), "file:///logs/sse_lines.jsonl", 101)
    readings = {
        "rollout first": written + live,
        "stream first": live + written,
        "in turns": interleaved(written, live),
        "stream again": live + written + read(stream(), "file:///logs/copy.jsonl", 201),
    }[order]
    with Given(Agents, tmp_path) as given:
        given.readings(readings, batches=[1] * 40, forget=True)
        assert given.rows("SELECT count(*) FROM sessions") == [(1,)]
        blocks = given.rows("SELECT block_type, content, tool_use_id FROM content_blocks ORDER BY 1, 2")
        assert blocks == [("text", "Hello.", None), ("thinking", "Hm.", None), ("tool_use", "{}", "call_1")]
        assert given.rows("SELECT tool_use_id, content FROM tool_results") == [("call_1", "ok")]
        tokens = given.rows("SELECT model, input_tokens, output_tokens, cache_read_input_tokens FROM usage")
        assert [row[1:] for row in tokens] == [(2100, 120, 400)]
        rounds = given.rows("SELECT state, user_prompt FROM rounds WHERE has_user_prompt = 1")
        assert rounds == [("complete", "Hi")]


def test_pieces_that_were_written_out_of_turn_end_as_the_whole_text(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.readings(read(stream(out_of_turn=True), "file:///logs/sse_lines.jsonl", 1))
        row = given.row("SELECT content, delta_count, is_complete FROM content_blocks WHERE block_type = 'text'")
        assert row == {"content": "Hello.", "delta_count": 3, "is_complete": 1}
