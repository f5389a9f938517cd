"""Real streams of model APIs, written as `sse_lines` rows: what comes out equals what is known to be in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from eventsrc.formats.sse_lines import SseLines
from eventsrc.plugin import BlockCompleted, BlockDelta, BlockStarted, Fact, MessageEnded, UsageReported
from tests.conformance.formats import facts_in

Object = dict[str, Any]
COUNTERS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


def events_of(path: Path) -> Iterator[Object]:
    """The events of a capture: an event stream, or one JSON text a line."""
    text = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
        return
    for part in text.replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in part.split("\n") if line.startswith("data:")]
        if data and data != ["[DONE]"]:
            yield json.loads("\n".join(data))


def row_of(event: str, body: Object, **more: Any) -> bytes:
    """A row as the producers write it."""
    line = "data: " + json.dumps(body, separators=(",", ":"))
    row = {"event": event, "t": "2025-11-22T09:15:04.310", "line": line, "metadata": '{"pid":7}', **more}
    return json.dumps(row, separators=(",", ":")).encode()


class Folded:
    """What the facts of a stream add up to."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.types: dict[tuple[str, int], str] = {}
        self.texts: dict[tuple[str, int, str], str] = {}
        self.counts: dict[tuple[str, int], int] = {}
        self.complete: set[tuple[str, int]] = set()
        self.stops: dict[str, str | None] = {}
        self.ended: set[str] = set()
        self.usage: dict[str, Object] = {}
        for fact in facts:
            self._fold(fact)

    def _fold(self, fact: Fact) -> None:
        flow = getattr(fact, "request_id", "") or getattr(fact, "message_id", "")
        match fact:
            case BlockStarted():
                self.types.setdefault((flow, fact.index), fact.block_type)
                self.counts.setdefault((flow, fact.index), 0)
                self.texts.setdefault((flow, fact.index, "start"), fact.text)
            case BlockDelta():
                key = (flow, fact.index, fact.kind)
                self.texts[key] = self.texts.get(key, "") + fact.text
                self.counts[flow, fact.index] = self.counts.get((flow, fact.index), 0) + fact.count
            case BlockCompleted():
                self.complete.add((flow, fact.index))
            case MessageEnded():
                self.stops[flow] = fact.stop_reason or self.stops.get(flow)
                if fact.stopped:
                    self.ended.add(flow)
            case UsageReported():
                said = {name: getattr(fact, name) for name in COUNTERS}
                self.usage.setdefault(flow, {}).update({k: v for k, v in said.items() if v is not None})
            case _:
                pass


def claude_rows(path: Path) -> Iterator[bytes]:
    """A capture as the Claude producer would have written it: without pings, with a request id for each message."""
    opened, requests = "", 0
    for event in events_of(path):
        if event["type"] == "message_start" and event["message"]["id"] != opened:
            opened = event["message"]["id"]
            requests += 1
        if event["type"] in ("ping", "error"):
            continue
        body = {"timestamp": "2025-11-22T02:15:04.310Z", "type": "event_msg"}
        yield row_of(
            f"claude.{event['type']}",
            body | {"payload": event | {"request_id": f"req_{requests}"}},
            flow_id=opened,
            sid="s" * 36,
        )


def read(rows: Iterable[bytes]) -> Folded:
    return Folded(fact for row in rows for fact in facts_in(SseLines(), row) or ())


def test_messages_of_the_anthropic_captures_are_read_to_the_last_piece(shared_data: Path) -> None:
    expected = json.loads((shared_data / "expected" / "sse_blocks.json").read_text())["anthropic"]
    blocks = 0
    for name, capture in expected.items():
        folded = read(claude_rows(shared_data / "sse" / name))
        for number, message in enumerate(capture["messages"], 1):
            flow = f"req_{number}"
            blocks += check_message(folded, flow, message, name)
    assert blocks > 150


def check_message(folded: Folded, flow: str, message: Object, name: str) -> int:
    known = {key: value for key, value in message["usage"].items() if value is not None}
    assert folded.usage.get(flow, {}) == known, name
    assert folded.stops.get(flow) == message["stop_reason"], name
    assert (flow in folded.ended) == message["complete"], name
    for block in message["blocks"]:
        key = (flow, block["index"])
        assert folded.types.get(key) == block["type"], name
        assert (key in folded.complete) == block["complete"], name
        texts = {kind: folded.texts.get((*key, kind), "") for kind in ("start", "text", "thinking", "json")}
        match block["type"]:
            case "text" | "compaction":
                assert hashed(texts["start"] + texts["text"]) == block["sha256"], name
            case "thinking":
                assert hashed(texts["start"] + texts["thinking"]) == block["sha256"], name
            case "tool_use" | "server_tool_use":
                assert hashed(texts["json"]) == block["sha256"], name
        if "citations_delta" not in block["delta_types"]:
            assert folded.counts[key] == block["delta_count"], name
        if block.get("signature_sha256"):
            assert hashed(folded.texts[*key, "signature"]) == block["signature_sha256"], name
    return len(message["blocks"])


def test_items_of_the_openai_captures_are_read_to_the_last_piece(shared_data: Path) -> None:
    expected = json.loads((shared_data / "expected" / "sse_blocks.json").read_text())["openai"]
    kinds = {"output_text": "text", "arguments": "json", "custom_input": "text", "summary": "thinking"}
    compared = 0
    for name, capture in expected.items():
        events = events_of(shared_data / "sse" / name)
        folded = read(row_of(event["type"], event, sid="s" * 36) for event in events if event["type"] != "error")
        for item in capture["items"]:
            assert item["id"] in folded.ended or not item["done"]
            if len(item["texts"]) != 1:
                continue  # several responses in one file, whose items the expected numbers take together
            ((kind, text),) = item["texts"].items()
            parts = [key for key in folded.texts if key[0] == item["id"] and key[2] == kinds[kind]]
            joined = "".join(folded.texts[key] for key in sorted(parts))
            assert hashed(joined) == text["sha256"], (name, item)
            compared += 1
    assert compared > 20


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()
