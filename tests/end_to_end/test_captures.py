"""Real captured streams, line by line through the format into the read model: every block, stop reason and number is
what others found in them, wherever batches are cut, and also when a stream comes twice, or broken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eventsrc.event import Record
from eventsrc.formats.anthropic_sse import AnthropicSse
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import Reading
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.deltas import Deltas
from tests.conformance.formats import event_of

COUNTERS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
TEXTS = {"text", "thinking", "compaction"}
CALLS = {"tool_use", "server_tool_use"}


def read(lines: Iterable[bytes], source: str, first: int = 1) -> list[Reading]:
    """Lines of a stream as the projector would see them; blank ones never get so far."""
    formats, found = Formats.load(), list[Reading]()
    for line in lines:
        if line.strip():
            position = first + len(found)
            record = Record(source, line, f"f:1:{position}")
            found.append(formats.read(event_of(record, formats.recognise(record), position=position)))
    return found


@pytest.fixture(scope="module")
def captures(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "expected" / "sse_blocks.json").read_text())["anthropic"]
    return found


def lines_in(shared_data: Path, name: str) -> list[bytes]:
    return (shared_data / "sse" / name).read_bytes().split(b"\n")


def agrees(given: Given, messages: Sequence[dict[str, Any]], name: str) -> None:
    assert given.rows("SELECT count(*) FROM messages") == [(len(messages),)], name
    for message in messages:
        row = given.row("SELECT * FROM messages WHERE message_id = ?", message["id"])
        assert (row["stop_reason"], row["is_complete"]) == (message["stop_reason"], int(message["complete"])), name
        usage = given.row("SELECT * FROM usage WHERE usage_id = ?", message["id"])
        assert [usage[field] for field in COUNTERS] == [message["usage"].get(field) or 0 for field in COUNTERS], name
        count = given.rows("SELECT count(*) FROM content_blocks WHERE flow_id = ?", row["flow_id"])
        assert count == [(len(message["blocks"]),)], name
        for block in message["blocks"]:
            _same_block(given, row["flow_id"], block)


def _same_block(given: Given, flow: str, expected: dict[str, Any]) -> None:
    row = given.row("SELECT * FROM content_blocks WHERE flow_id = ? AND block_index = ?", flow, expected["index"])
    said = (row["block_type"], row["is_complete"], row["delta_count"])
    assert said == (expected["type"], int(expected["complete"]), expected["delta_count"])
    if expected["type"] in TEXTS or (expected["type"] in CALLS and expected["bytes"]):
        assert sha256(row["content"].encode()).hexdigest() == expected["sha256"]
    if expected["type"] in CALLS:
        assert (row["tool_use_id"], row["tool_name"]) == (expected["id"], expected["name"])
        if expected["valid_json"]:
            again = json.dumps(
                json.loads(row["content"] or "{}"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            assert sha256(again.encode()).hexdigest() == expected["input_sha256"]


def test_every_block_is_there_to_the_last_byte_also_the_second_time(
    shared_data: Path, captures: dict[str, Any], tmp_path: Path
) -> None:
    random = Random(7)
    for name, capture in captures.items():
        readings = read(lines_in(shared_data, name), f"file:///captures/{name}")
        assert all(reading.raw is None for reading in readings), name
        again = read(lines_in(shared_data, name), f"file:///captures/{name}", first=len(readings) + 1)
        with Given(Agents, tmp_path) as given:
            given.readings(readings, batches=[random.randint(1, 40) for _ in range(20)], forget=True)
            agrees(given, capture["messages"], name)
            given.readings(join(again), batches=[random.randint(1, 40)])
            if not any(message["duplicate_starts"] for message in capture["messages"]):
                same_texts(given, capture["messages"], name)


def same_texts(given: Given, messages: Sequence[dict[str, Any]], name: str) -> None:
    """Pieces that came twice are counted twice, but say nothing twice."""
    blocks = "content_blocks b JOIN messages m USING (flow_id)"
    for message in messages:
        for block in message["blocks"]:
            if block["type"] in TEXTS:
                where = "m.message_id = ? AND b.block_index = ?"
                rows = given.rows(f"SELECT content FROM {blocks} WHERE {where}", message["id"], block["index"])
                assert [sha256(content.encode()).hexdigest() for (content,) in rows] == [block["sha256"]], name


def test_several_captures_in_one_file_stay_apart(shared_data: Path, captures: dict[str, Any], tmp_path: Path) -> None:
    names = [name for name, capture in captures.items() if len(capture["messages"]) == 1 and name.endswith(".sse")]
    messages = {captures[name]["messages"][0]["id"]: captures[name]["messages"][0] for name in names}
    chosen = [name for name in names if captures[name]["messages"][0] is messages[captures[name]["messages"][0]["id"]]]
    lines = [line for name in chosen for line in lines_in(shared_data, name)]
    with Given(Agents, tmp_path) as given:
        given.readings(join(read(lines, "file:///captures/all.sse")), batches=[100, 1, 77])
        agrees(given, list(messages.values()), "all.sse")


def test_files_of_blocks_that_are_typed_one_after_another_hold_one_message_each(
    shared_data: Path, captures: dict[str, Any], tmp_path: Path
) -> None:
    name = "chunks/vercel__ai.anthropic-programmatic-tool-calling.1.chunks.jsonl"
    blocks = [block for message in captures[name]["messages"] for block in message["blocks"] if block["type"] in TEXTS]
    with Given(Deltas, tmp_path) as given:
        given.readings(read(lines_in(shared_data, name), f"file:///{name}"), batches=[9, 30], forget=True)
    written = [path.read_bytes() for path in tmp_path.rglob("index_*.txt")]
    assert blocks and {block["sha256"] for block in blocks} <= {sha256(text).hexdigest() for text in written}


def test_without_any_one_line_a_stream_is_read_all_the_same(shared_data: Path, tmp_path: Path) -> None:
    name = "Arize-ai__openinference.test_anthropic_instrumentation_multiple_tool_calling_streaming__0.sse"
    lines = [line for line in lines_in(shared_data, name) if line.startswith(b"data:")]
    for missing in range(len(lines)):
        with Given(Agents, tmp_path) as given:
            given.readings(read([*lines[:missing], *lines[missing + 1 :]], "file:///x.sse"))
            assert given.rows("SELECT count(*) FROM content_blocks") >= [(2,)]


def test_a_line_that_was_cut_anywhere_never_raises(shared_data: Path) -> None:
    one, name = AnthropicSse(), "anthropics__anthropic-sdk-python.compaction_response.sse"
    for line in lines_in(shared_data, name):
        for end in range(len(line)):
            record = Record("file:///x.sse", line[:end], "f:1:0")
            envelope = one.recognise(record)
            if envelope is not None:
                one.read(event_of(record, envelope))


def test_work_beside_the_answer_is_counted_beside_it(shared_data: Path, tmp_path: Path) -> None:
    name = "pydantic__pydantic-ai.test_anthropic_compaction_usage_with_cache_streaming__0.sse"
    lines = lines_in(shared_data, name)
    usage = next(json.loads(line[6:])["usage"] for line in lines if line.startswith(b'data: {"type":"message_delta"'))
    beside = [step for step in usage["iterations"] if step["type"] == "compaction"]
    with Given(Agents, tmp_path) as given:
        given.readings([*read(lines, "file:///x.sse"), *read(lines, "file:///x.sse", first=1000)])
        found = given.rows(f"SELECT {', '.join(COUNTERS)} FROM usage WHERE origin = 'iteration' ORDER BY usage_id")
    assert beside and found == [tuple(step[field] for field in COUNTERS) for step in beside]
