"""Real transcripts through the formats into the read model: its tokens are those that others computed from the files,
whatever the order of the files, and however often they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.event import Record
from eventsrc.formats.catalogue import Formats
from eventsrc.plugin import Reading
from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.conformance.formats import event_of

TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
GROUPS = {"by_session_id": "sid", "by_day": "date(time, 'unixepoch')", "by_model": "model"}
KINDS = {"expected": "origin = 'message'", "expected_with_progress": "1"}
NO_DAY = "[trimmed f"  # a placeholder instead of a time: the read model says NULL
SUMS = "count(*), sum(input_tokens), sum(output_tokens), sum(cache_creation_input_tokens), sum(cache_read_input_tokens)"
FIXTURES = [
    "async-agents", "away-summary", "copied-session", "cron-tools", "dag-cycle", "dag-fork-three-sessions-in-one-file",
    "dag-fork-within-session", "dag-simple", "duplicate-assistant-response", "edge-cases", "goal-status",
    "hook-attachments", "inline-sidechain-1.0.35", "legacy-no-type-alpha", "monitor-tool", "old-layout-agent",
    "permission-prompt-interrupted", "plain-no-version", "queued-system-messages", "rate-limit-error",
    "read-tool-2.1.132", "record-type-coverage", "representative-messages", "resume-1.0.56", "schema-drift",
    "subagent-2.1.207", "system-model-change", "task-id-linking", "teammates", "todowrite", "tool-call-pending",
    "truncated-last-line", "workflow-agents",
]  # fmt: skip


def readings(paths: list[Path]) -> Iterator[Reading]:
    """Every line of the files as the projector would see it; a line that cannot be read is nobody's fact."""
    formats = Formats.load()
    position = 0
    for path in paths:
        for number, line in enumerate(path.read_bytes().split(b"\n")):
            if not line.strip():
                continue
            position += 1
            record = Record(f"file://{path}", line, str(number))
            event = event_of(record, formats.recognise(record))
            try:
                reading = formats.read(event)
            except (ValueError, msgspec.DecodeError):
                continue
            yield msgspec.structs.replace(reading, position=position, id=f"e{position}")


def transcripts(root: Path) -> list[Path]:
    return sorted(root.rglob("*.jsonl"), key=lambda path: str(path.relative_to(root)).encode())


def found(given: Given, kind: str) -> dict[str, Any]:
    """The read model's numbers in the shape of the expected ones."""
    where = KINDS[kind]
    grouped = {
        group: {
            str(key): tuple(sums)
            for key, *sums in given.rows(f"SELECT {by}, {SUMS} FROM usage WHERE {where} GROUP BY 1")
        }
        for group, by in GROUPS.items()
    }
    totals = given.rows(f"SELECT {SUMS} FROM usage WHERE {where}")[0]
    return {"totals": tuple(one or 0 for one in totals), **grouped}


def wanted(numbers: dict[str, Any]) -> dict[str, Any]:
    grouped = {group: {key: _sums(one) for key, one in numbers[group].items()} for group in GROUPS}
    if NO_DAY in grouped["by_day"]:
        grouped["by_day"]["None"] = grouped["by_day"].pop(NO_DAY)
    return {"totals": _sums(numbers["totals"]), **grouped}


def _sums(one: dict[str, int]) -> tuple[int, ...]:
    return tuple(one.get(name, 0) for name in ("messages", *TOKENS))


@pytest.fixture(scope="module")
def numbers(shared_data: Path) -> Any:
    return msgspec.json.decode((shared_data / "expected" / "usage_claude.json").read_bytes())


@pytest.mark.parametrize("backwards", [False, True])
def test_tokens_of_a_machine_agree_in_any_order_of_files_and_twice(
    shared_data: Path, numbers: Any, tmp_path: Path, backwards: bool
) -> None:
    paths = transcripts(shared_data / "claude_code" / "projects")
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            given.readings(readings(paths[::-1] if backwards else paths), batches=[1000, 1, 3000])
            for kind in KINDS:
                assert found(given, kind) == wanted(numbers["projects"][kind])


@pytest.mark.parametrize("name", FIXTURES)
def test_tokens_of_every_kind_of_transcript_agree(shared_data: Path, numbers: Any, tmp_path: Path, name: str) -> None:
    paths = transcripts(shared_data / "claude_code" / "fixtures" / name / "projects")
    for order in (paths, paths[::-1]):
        with Given(Agents, tmp_path) as given:
            given.readings(readings(order))
            for kind in KINDS:
                assert found(given, kind) == wanted(numbers["fixtures"][name][kind])
