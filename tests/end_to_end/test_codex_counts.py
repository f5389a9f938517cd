"""Real rollouts in the tables: prompts, turns, messages, calls and errors of every thread are as many as others counted
in the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.end_to_end.test_agents_usage import readings
from tests.end_to_end.test_codex_usage import rollouts

CALLS = "content_blocks b WHERE b.block_type = 'tool_use'"
BLOCKS = "content_blocks b JOIN messages m USING (flow_id) WHERE m.role = 'assistant'"
COUNTED = {
    "user_prompts": "rounds b WHERE b.has_user_prompt = 1",
    "turns_aborted": "rounds b WHERE b.state = 'aborted' AND b.reason = 'interrupted'",
    "turns_failed": "rounds b WHERE b.state = 'aborted' AND b.reason != 'interrupted'",
    "assistant_messages": f"{BLOCKS} AND b.block_type = 'text'",
    "reasoning_items": f"{BLOCKS} AND b.block_type IN ('thinking', 'redacted_thinking') AND b.block_index = 0",
    "tool_calls": CALLS,
    "tool_outputs": f"{CALLS} AND tool_use_id IN (SELECT tool_use_id FROM tool_results)",
    "outputs_failed": f"{CALLS} AND tool_use_id IN (SELECT tool_use_id FROM tool_results WHERE is_error = 1)",
    "tool_calls_without_output": "pending_tool_calls b WHERE true",
}
"""Name of the expected number → the rows that it counts, of one thread."""


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> Any:
    return msgspec.json.decode((shared_data / "expected" / "codex_counts.json").read_bytes())["sessions"]["by_session"]


def test_every_thread_has_the_rows_that_its_file_tells_of(shared_data: Path, expected: Any, tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.readings(readings(rollouts(shared_data / "codex" / "sessions")), batches=[200, 1, 300], forget=True)
        assert given.rows("SELECT count(*) FROM sessions") == [(len(expected),)]
        for numbers in expected.values():
            sid = numbers["thread"]
            found = {
                name: given.rows(f"SELECT count(*) FROM {rows} AND b.sid = ?", sid)[0][0]
                for name, rows in COUNTED.items()
            }
            assert found == {name: numbers[name] for name in COUNTED}, sid
            (parent,) = given.rows("SELECT parent_sid FROM sessions WHERE sid = ?", sid)[0]
            assert parent == numbers["parent_thread"]


def test_names_of_tools_come_with_their_namespace(shared_data: Path, expected: Any, tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.readings(readings(rollouts(shared_data / "codex" / "sessions")))
        for numbers in expected.values():
            rows = given.rows(f"SELECT tool_name, count(*) FROM {CALLS} AND b.sid = ? GROUP BY 1", numbers["thread"])
            assert {name.rpartition(".")[2]: count for name, count in rows} == numbers["tool_calls_by_name"]


def test_a_turn_ends_as_its_file_says_and_a_call_knows_what_it_set_to_work(shared_data: Path, tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.readings(readings(rollouts(shared_data / "codex" / "sessions")))
        ends = given.rows("SELECT state, reason, count(*) FROM rounds WHERE has_stop = 1 GROUP BY 1, 2 ORDER BY 1, 2")
        assert ends == [
            ("aborted", "context_window_exceeded", 1),
            ("aborted", "interrupted", 4),
            ("complete", "task_complete", 5),
        ]
        metadata = given.rows("SELECT metadata FROM sessions WHERE metadata LIKE '%tool_use_id%'")
        assert [
            msgspec.json.decode(one)["agent.01a1f88e-0349-74c2-b588-0ffd62d98c62.tool_use_id"] for (one,) in metadata
        ] == ["call_p1"]
