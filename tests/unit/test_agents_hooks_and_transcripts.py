"""One session told by its hooks and by its transcript: what the transcript says stays exact, to the block and the
token, whichever comes first, and both tell of the same rounds and calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats
from eventsrc.plugin import Reading
from eventsrc.testing.generate import generate_transcript
from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.conformance.formats import event_of

EXACT = ("messages", "content_blocks", "tool_results", "usage", "usage_totals", "tool_totals")
"""Tables that hooks must leave alone."""


class Line:
    """A line of a transcript and the hooks that its agent would have sent around it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.told: dict[str, Any] = json.loads(text)

    def hooks(self) -> Iterator[dict[str, Any]]:
        content = self.told.get("message", {}).get("content", [])
        blocks = content if isinstance(content, list) else []
        for block in blocks:
            if block.get("type") == "tool_use":
                yield self._hook("PreToolUse", tool_name=block["name"], tool_input=block["input"], call=block["id"])
            elif block.get("type") == "tool_result":
                yield self._hook("PostToolUse", tool_name="?", call=block["tool_use_id"])
        if self.told["type"] == "user" and isinstance(content, str):
            yield self._hook("UserPromptSubmit", prompt=content)

    def _hook(self, name: str, call: str = "", **fields: Any) -> dict[str, Any]:
        told = {"session_id": self.told["sessionId"], "hook_event_name": name, **fields}
        if self.told.get("promptId"):
            told["prompt_id"] = self.told["promptId"]
        return {**told, **({"tool_use_id": call} if call else {}), "time": self.told["timestamp"]}


def lines() -> list[Line]:
    return [Line(text) for text in generate_transcript(160, seed=5)]


def readings(records: list[bytes | dict[str, Any]]) -> list[Reading]:
    formats = Formats.load()
    found = []
    for position, one in enumerate(records, 1):
        when = one.pop("time", None) if isinstance(one, dict) else None
        data = one if isinstance(one, bytes) else json.dumps(one).encode()
        record = Record("file:///t.jsonl" if isinstance(one, bytes) else "urn:hooks", data, str(position), time=when)
        event: Event = event_of(record, formats.recognise(record), position=position)
        found.append(formats.read(event))
    return found


def between(transcript: list[Line]) -> list[bytes | dict[str, Any]]:
    """As it happens: a prompt's and a call's hook before its line, a result's hook just before the result."""
    told: list[bytes | dict[str, Any]] = []
    for line in transcript:
        told += [*line.hooks(), line.text]
    return told


def after(transcript: list[Line]) -> list[bytes | dict[str, Any]]:
    """The transcript first: a service that was down reads files before it empties the spool."""
    return [*(line.text for line in transcript), *(hook for line in transcript for hook in line.hooks())]


def before(transcript: list[Line]) -> list[bytes | dict[str, Any]]:
    """The spool first."""
    return [*(hook for line in transcript for hook in line.hooks()), *(line.text for line in transcript)]


@pytest.mark.parametrize("order", [between, after, before], ids=["between", "after", "before"])
def test_hooks_leave_what_the_transcript_says_as_it_is(
    tmp_path: Path, order: Callable[[list[Line]], list[bytes | dict[str, Any]]]
) -> None:
    with Given(Agents, tmp_path) as given:
        alone = given.readings(readings([line.text for line in lines()])).dump()
        rounds = given.rows("SELECT sid, user_prompt, state FROM rounds ORDER BY 1, user_prompt_time")
    with Given(Agents, tmp_path) as given:
        told = given.readings(readings(order(lines()))).dump()
        calls = given.rows("SELECT count(*), sum(outcome IS NOT NULL) FROM tool_calls")
        blocks = given.rows("SELECT count(*) FROM content_blocks WHERE tool_use_id IS NOT NULL")
        together = given.rows("SELECT sid, user_prompt, state FROM rounds ORDER BY 1, user_prompt_time")
    for table in EXACT:
        strip = [_without_rounds(table, row) for row in told[table]]
        assert strip == [_without_rounds(table, row) for row in alone[table]], table
    assert blocks[0][0] > 10 and calls == [(blocks[0][0], len(told["tool_results"]))]
    assert [row[:2] for row in together] == [row[:2] for row in rounds]


def _without_rounds(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A round may be known by the prompt's key or by the prompt's record, whichever was told first."""
    place = {"messages": 4, "content_blocks": 13}.get(table)
    return row if place is None else (*row[:place], *row[place + 1 :])
