"""Real rollouts through the format into the read model: their tokens are those that others computed from the files,
in any order of files, however often they come, and whatever older forks have copied."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.formats.codex_place import place_of
from eventsrc.plugin import Reading
from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.end_to_end.test_agents_usage import readings

TOKENS = {
    "uncached_input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_creation_tokens": "cache_creation_input_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "reasoning_output_tokens": "reasoning_tokens",
}
SUMS = ", ".join(f"sum({column})" for column in TOKENS.values())
UNNAMED = "gpt-5"  # what the reference tool calls the model where the file names none; the read model says NULL
FIXTURES = [
    "fc-args-2", "function-calls", "known-event-types", "legacy-0.50", "no-session-meta", "rate-limit-0.53",
    "raw-item-0.52", "record-type-coverage", "sample-rollout", "schema-drift", "standard-session", "tool-call-0.106",
    "unknown-event", "unknown-line-type",
]  # fmt: skip


def rollouts(root: Path) -> list[Path]:
    return sorted(root.rglob("*.jsonl"))


def found(given: Given, key: str) -> dict[str, tuple[int, ...]]:
    """The read model's numbers, grouped."""
    rows = given.rows(f"SELECT {key}, {SUMS} FROM usage WHERE origin = 'message' GROUP BY 1")
    return {str(name): tuple(sums) for name, *sums in rows}


def sums_of(one: dict[str, int]) -> tuple[int, ...]:
    return tuple(one[name] for name in TOKENS)


def spent(groups: dict[str, dict[str, int]]) -> dict[str, tuple[int, ...]]:
    """Expected numbers, grouped; the read model has no row where nothing was spent."""
    return {name: sums_of(one) for name, one in groups.items() if any(sums_of(one))}


def agrees(given: Given, expected: dict[str, Any]) -> None:
    sessions = {place_of(f"{one['session_file']}.jsonl").thread: one["expected"] for one in expected["by_session"]}
    assert found(given, "sid") == spent(sessions)
    assert found(given, "date(time, 'unixepoch')") == spent(expected["by_day_oracle"])
    assert found(given, f"coalesce(model, '{UNNAMED}')") == spent(expected["by_model_oracle"])
    totals = given.rows(f"SELECT {SUMS} FROM usage")[0]
    assert tuple(one or 0 for one in totals) == sums_of(expected["totals_expected"])


@pytest.fixture(scope="module")
def numbers(shared_data: Path) -> Any:
    return msgspec.json.decode((shared_data / "expected" / "usage_codex.json").read_bytes())


@pytest.mark.parametrize("backwards", [False, True])
def test_tokens_of_a_machine_agree_in_any_order_of_files_and_twice(
    shared_data: Path, numbers: Any, tmp_path: Path, backwards: bool
) -> None:
    paths = rollouts(shared_data / "codex" / "sessions")
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            given.readings(readings(paths[::-1] if backwards else paths), batches=[100, 1, 600], forget=True)
            agrees(given, numbers["sessions"])


@pytest.mark.parametrize("name", FIXTURES)
def test_tokens_of_every_kind_of_rollout_agree(shared_data: Path, numbers: Any, tmp_path: Path, name: str) -> None:
    paths = rollouts(shared_data / "codex" / "fixtures" / name / "sessions")
    with Given(Agents, tmp_path) as given:
        for once_more in (readings(paths), copied(paths, tmp_path / "archived_sessions")):
            given.readings(once_more)
            agrees(given, numbers["fixtures"][name])


FORK = "019f0000-0000-7000-8000-00000000f0f0"


def forked(path: Path, folder: Path, *, lines: int) -> Path:
    """A fork as older versions wrote it: the first lines of its parent once more, under new times, then a turn of its
    own, whose totals go on from the parent's."""
    copied = [json.loads(line) for line in path.read_bytes().split(b"\n")[:lines]]
    totals = [line["payload"]["info"]["total_token_usage"] for line in copied if "info" in line["payload"]][-1]
    own = {"input_tokens": 1000, "cached_input_tokens": 900, "output_tokens": 50, "reasoning_output_tokens": 20}
    info = {"total_token_usage": {name: totals[name] + own[name] for name in own}, "last_token_usage": own}
    meta = {"id": FORK, "forked_from_id": place_of(str(path)).thread, "cwd": "/home/dev", "cli_version": "0.98.0"}
    last = {"type": "event_msg", "payload": {"type": "token_count", "info": info}}
    written = [{"type": "session_meta", "payload": meta}, *copied, last]
    target = folder / f"rollout-2026-03-01T09-00-00-{FORK}.jsonl"
    stamped = (json.dumps(line | {"timestamp": "2026-03-01T09:00:00.000Z"}) for line in written)
    target.write_text("".join(f"{line}\n" for line in stamped))
    return target


@pytest.mark.parametrize("fork_first", [False, True])
def test_what_an_old_fork_has_copied_is_its_parents(
    shared_data: Path, numbers: Any, tmp_path: Path, fork_first: bool
) -> None:
    paths = rollouts(shared_data / "codex" / "sessions")
    fork = forked(paths[0], tmp_path, lines=300)
    with Given(Agents, tmp_path) as given:
        for _ in range(2):
            given.readings(readings([fork, *paths] if fork_first else [*paths, fork]), batches=[77, 1], forget=True)
            assert given.rows(f"SELECT {SUMS}, min(model) FROM usage WHERE sid = ?", FORK) == [
                (100, 50, 0, 900, 20, "gpt-5-codex")
            ]
            totals = given.rows(f"SELECT {SUMS} FROM usage WHERE sid != ?", FORK)
            assert totals == [sums_of(numbers["sessions"]["totals_expected"])]


def test_no_line_of_a_real_rollout_is_a_dead_letter_and_every_one_is_known(shared_data: Path) -> None:
    paths = rollouts(shared_data / "codex" / "sessions")
    lines = sum(1 for path in paths for line in path.read_bytes().split(b"\n") if line.strip())
    read = list(readings(paths))
    assert len(read) == lines  # what cannot be read is left out by `readings`
    assert Counter(one.type for one in read if one.raw is not None) == {}


UNKNOWN = {
    "codex_rollout.event_msg.account/rateLimits/updated", "codex_rollout.event_msg.codex/event/raw_item",
    "codex_rollout.event_msg.mystery_event", "codex_rollout.event_msg.turn.completed",
    "codex_rollout.response_item.tool_call", "codex_rollout.response_item.tool_result", "codex_rollout.function_call",
    "codex_rollout.function_result", "codex_rollout.totally_new_type", "codex_rollout.unknown",
}  # fmt: skip
"""What the fixtures hold that no version of the CLI wrote, or that its authors made up."""


def test_no_line_of_any_fixture_is_a_dead_letter_and_what_is_unknown_is_known_to_be(shared_data: Path) -> None:
    paths = rollouts(shared_data / "codex" / "fixtures")
    lines = sum(1 for path in paths for line in path.read_bytes().split(b"\n") if line.strip())
    read = list(readings(paths))
    assert len(read) == lines
    assert {one.type for one in read if one.raw is not None} == UNKNOWN


def test_a_copy_in_another_folder_changes_nothing(shared_data: Path, tmp_path: Path) -> None:
    paths = rollouts(shared_data / "codex" / "sessions")
    with Given(Agents, tmp_path) as given:
        given.readings(readings(paths))
        before = given.dump()
        given.readings(copied(paths, tmp_path / "archived_sessions"))
        after = given.dump()
    for table in ("rounds", "messages", "content_blocks", "tool_results", "usage", "prompts", "errors"):
        assert _without_sources(after[table]) == _without_sources(before[table]), table


def copied(paths: list[Path], folder: Path) -> Iterator[Reading]:
    """The same files in another folder, read after all that was read before."""
    folder.mkdir(exist_ok=True)
    for reading in readings([Path(shutil.copy(path, folder)) for path in paths]):
        yield msgspec.structs.replace(reading, id=f"again-{reading.id}", position=reading.position + 10_000)


def _without_sources(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(one for one in row if not str(one).startswith("file://")) for row in rows]
