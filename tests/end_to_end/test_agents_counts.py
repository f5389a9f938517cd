"""Real transcripts in the tables: prompts, messages, calls, results and errors of every session are as many as others
counted in the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from eventsrc.testing.given import Given
from projections.agents import Agents
from tests.agents_sums import SUMS
from tests.end_to_end.test_agents_usage import readings, transcripts

TOOL_USE = "content_blocks b WHERE b.block_type = 'tool_use'"
COUNTED = {
    "user_prompts": "rounds b WHERE b.kind = 'prompt'",
    "assistant_messages": "messages b WHERE b.role = 'assistant'",
    "assistant_messages_sidechain": "messages b WHERE b.role = 'assistant' AND b.is_sidechain = 1",
    "tool_calls": TOOL_USE,
    "tool_results": f"{TOOL_USE} AND tool_use_id IN (SELECT tool_use_id FROM tool_results)",
    "tool_errors": f"{TOOL_USE} AND tool_use_id IN (SELECT tool_use_id FROM tool_results WHERE is_error = 1)",
    "tool_calls_without_result": "pending_tool_calls b WHERE true",
}
"""Name of the expected number → the rows that it counts, of one session."""


def test_every_session_of_a_machine_has_the_rows_that_its_files_tell_of(shared_data: Path, tmp_path: Path) -> None:
    expected: Any = msgspec.json.decode((shared_data / "expected" / "claude_counts.json").read_bytes())
    sessions = expected["projects"]["by_session"]
    with Given(Agents, tmp_path) as given:
        given.readings(readings(transcripts(shared_data / "claude_code" / "projects")), batches=[700, 1, 2000])
        assert given.rows("SELECT count(*) FROM sessions") == [(len(sessions),)]
        for sid, numbers in sessions.items():
            found = {
                name: given.rows(f"SELECT count(*) FROM {rows} AND b.sid = ?", sid)[0][0]
                for name, rows in COUNTED.items()
            }
            assert found == {name: numbers[name] for name in COUNTED}, sid
        for table, said in SUMS.items():
            assert sorted(given.rows(f"SELECT * FROM {table}")) == sorted(given.rows(said)), table
