"""Real experiments of both eras in the tables: every one has what others counted in its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.clock import parse_time
from eventsrc.testing.given import Given
from projections.experiments import Experiments
from tests.unit.experiments_kit import read_folder, readings

NOW = 1_790_000_000.0
LONG_AGO = {"now": NOW, "stalled_after": 120.0}
ROWS = {
    "events": "SELECT count(*) FROM event_keys b",
    "turns_completed": "SELECT count(*) FROM turns b",
    "messages": "SELECT count(*) FROM messages b",
    "message_chars": "SELECT coalesce(sum(length(content)), 0) FROM messages b",
    "message_bytes": "SELECT coalesce(sum(length(CAST(content AS BLOB))), 0) FROM messages b",
    "error_events": "SELECT count(*) FROM errors b",
    "usage_prompt_tokens": "SELECT coalesce(sum(prompt_tokens), 0) FROM token_usage b",
    "usage_completion_tokens": "SELECT coalesce(sum(completion_tokens), 0) FROM token_usage b",
    "message_tokens_used": "SELECT coalesce(sum(total_tokens), 0) FROM messages b",
}
COLUMNS = {
    "turns_started": "turns_started",
    "agent_a_model": "agent_a_model",
    "agent_b_model": "agent_b_model",
    "max_turns": "max_turns",
    "end_events": "end_count",
    "end_reason": "end_reason",
    "last_end_reason": "last_end_reason",
    "reported_total_turns": "reported_turns",
}
STATES = {"no_events": "never_started", "open": "open"}


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> Any:
    return msgspec.json.decode((shared_data / "expected" / "pidgin_counts.json").read_bytes())


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Given(Experiments, tmp_path_factory.mktemp("files")) as given:
        yield given.readings(readings(read_folder(shared_data / "pidgin")), batches=[1, 400, 7], forget=True)


def test_every_conversation_has_what_its_log_tells(real: Given, expected: Any) -> None:
    assert real.rows("SELECT count(*) FROM conversations") == [(len(expected["conversations"]),)]
    for one in expected["conversations"]:
        name = one["conversation"]
        found = {key: real.rows(f"{sql} WHERE b.conversation_id = ?", name)[0][0] for key, sql in ROWS.items()}
        assert found == {key: one[key] for key in ROWS}, name
        row = real.row("SELECT * FROM conversations WHERE conversation_id = ?", name)
        known = {key: column for key, column in COLUMNS.items() if one["events"] or key not in one}
        assert {key: row[column] for key, column in known.items()} == {key: one.get(key) for key in known}, name
        assert row["state"] == STATES.get(one["status"], one["status"]), name
        assert row["folder"].endswith(f"/pidgin/{one['folder']}"), name


def test_every_conversation_has_the_events_by_type_and_the_times_of_its_log(real: Given, expected: Any) -> None:
    by_type = (
        "SELECT substr(key, 1, instr(key, '|') - 1), count(*) FROM event_keys WHERE conversation_id = ? GROUP BY 1"
    )
    for one in expected["conversations"]:
        if one["events"]:
            assert dict(real.rows(by_type, one["conversation"])) == one["events_by_type"]
            row = real.row("SELECT * FROM conversations WHERE conversation_id = ?", one["conversation"])
            zone = "" if one["format"] == "flat" else "+00:00"
            times = (parse_time(one["first_timestamp"] + zone), parse_time(one["last_timestamp"] + zone))
            assert (row["first_event_at"], row["last_event_at"]) == times
            assert row["zone"] == ("utc" if one["format"] == "flat" else "local")
            agents = real.rows("SELECT agent_id, count(*) FROM messages WHERE conversation_id = ? GROUP BY 1",
                               one["conversation"])  # fmt: skip
            assert dict(agents) == one.get("messages_by_agent", {})


def test_every_experiment_is_what_its_conversations_are(real: Given, expected: Any) -> None:
    listed = {row["id"]: row for row in real.ask("list", **LONG_AGO) if row["kind"] == "experiment"}
    assert len(listed) == len(expected["experiments"]) == 34
    for one in expected["experiments"]:
        row = listed[one["experiment_id"]]
        began = one["conversations_with_events"] > 0
        assert (row["name"], row["claimed_status"]) == (one["name"], one["manifest_status"])
        assert row["planned"] == one["planned_conversations"]
        assert row["state"] == ("completed" if began else "failed")
        assert bool(row["error"]) == one["manifest_error"]
        assert row["contradictions"] == int(one["manifest_error"]) + int(not began), one["name"]


def test_a_log_without_an_end_is_crashed_for_whoever_asks_long_after(real: Given, expected: Any) -> None:
    open_ones = {one["conversation"] for one in expected["conversations"] if one["status"] == "open"}
    listed = {row["id"]: row["state"] for row in real.ask("list", **LONG_AGO)}
    assert {name for name, state in listed.items() if state == "crashed"} == open_ones


def test_the_same_files_again_change_nothing(real: Given, shared_data: Path, tmp_path: Path) -> None:
    with Given(Experiments, tmp_path) as given:
        found = readings(read_folder(shared_data / "pidgin"))
        given.readings(found)
        before = {table: rows for table, rows in given.dump().items() if table != "experiments"}
        given.readings(found[:700], batches=[100])
        assert {table: rows for table, rows in given.dump().items() if table != "experiments"} == before
