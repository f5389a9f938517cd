"""Every hook that is documented, what later versions may send, and what only looks like one, against what a person
found right: beside each `x.jsonl` lies `x.facts`."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventsrc.event import Record
from eventsrc.formats.claude_code_hooks import ClaudeCodeHooks
from eventsrc.plugin import Envelope, PromptSubmitted
from tests.conformance.formats import CORPUS, event_of, told

HOOKS = sorted((CORPUS / "claude_code_hooks").rglob("*.jsonl"))
PROMPT = b'{"session_id":"s","hook_event_name":"UserPromptSubmit","prompt":"on"}'


@pytest.mark.parametrize("path", HOOKS, ids=lambda path: path.name.removesuffix(".jsonl"))
def test_hooks_mean_what_stands_beside_them(path: Path) -> None:
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    expected = path.with_name(path.name.removesuffix(".jsonl") + ".facts").read_text("utf-8")
    assert "".join(told(ClaudeCodeHooks(), line) for line in lines) == expected


def prompt_of(record: Record) -> PromptSubmitted:
    one = ClaudeCodeHooks()
    envelope = one.recognise(record)
    assert envelope is not None
    facts = one.read(event_of(record, envelope, recorded="2026-01-10T10:00:05.000000Z"))
    (found,) = [fact for fact in facts if isinstance(fact, PromptSubmitted)]
    return found


def test_a_hook_happened_when_it_was_recorded() -> None:
    assert prompt_of(Record("urn:x", PROMPT, "1")).time == 1_768_039_205.0


def test_a_hook_that_lay_in_the_spool_happened_when_it_was_put_there() -> None:
    spooled = Record("urn:x", b'{"ppid":4242,"hook":' + PROMPT + b"\n}", "1", time="2026-01-10T09:00:00Z")
    assert ClaudeCodeHooks().recognise(spooled) == Envelope(
        "claude_code_hooks.UserPromptSubmit", "session/s", "2026-01-10T09:00:00Z"
    )
    found = prompt_of(spooled)
    assert (found.time, found.pid) == (1_768_035_600.0, 4242)
