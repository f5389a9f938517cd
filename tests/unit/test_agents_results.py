"""Results of tools: small ones in the row, large ones in a file that is there whole before the row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from eventsrc.plugin import INLINE_RESULT_BYTES, PREVIEW_CHARS, ToolResultReceived, Unknown
from eventsrc.testing.given import Given
from projections.agents import Agents
from projections.agents.rows import Prompt
from projections.agents.table import Table

LARGE = "ä" * INLINE_RESULT_BYTES


def result(content: str, tool: str = "t", copy: str = "r") -> ToolResultReceived:
    return ToolResultReceived(sid="s", tool_use_id=tool, content=content, result_id=copy, is_error=False)


def test_a_small_result_stands_in_its_row(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(result("x" * INLINE_RESULT_BYTES))
        row = given.row("SELECT * FROM tool_results")
    assert (row["content"], row["content_file_path"]) == ("x" * INLINE_RESULT_BYTES, None)
    assert len(row["content_preview"]) == PREVIEW_CHARS
    assert list(tmp_path.iterdir()) == []


def test_a_large_result_stands_in_a_file_beside_it(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(result(LARGE))
        row = given.row("SELECT * FROM tool_results")
    assert row["content"] is None
    assert (tmp_path / row["content_file_path"]).read_text("utf-8") == LARGE
    assert row["content_size"] == 2 * INLINE_RESULT_BYTES


def test_no_id_of_a_tool_leads_out_of_the_folder_or_to_the_file_of_another(tmp_path: Path) -> None:
    ids = ["../../etc/cron.d/x", "/", "nul\0", "a" * 300, "Case", "case", "\ud800"]
    with Given(Agents, tmp_path / "files") as given:
        given.facts(*(result(f"{LARGE}{number}", tool) for number, tool in enumerate(ids) if tool != "\ud800"))
        rows = given.rows("SELECT content_file_path FROM tool_results")
    paths = {(tmp_path / "files" / name).resolve() for (name,) in rows}
    assert len(paths) == len(ids) - 1
    assert {path.parent for path in paths} == {tmp_path / "files" / "results"}
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_a_batch_that_is_undone_leaves_the_file_of_the_row_before(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(result(LARGE))
        before = given.row("SELECT content_file_path FROM tool_results")["content_file_path"]
        torn = given.reading(result(LARGE + "newer", copy="r2"), Unknown(sid="s"), raw="lost \ud800 half")
        with pytest.raises(UnicodeEncodeError):
            given.readings([torn])
        assert given.row("SELECT content_file_path FROM tool_results")["content_file_path"] == before
    assert (tmp_path / before).read_text("utf-8") == LARGE
    assert list((tmp_path / "results").glob("*.tmp")) == []


def test_the_last_of_several_results_is_shown_and_a_copy_changes_nothing(tmp_path: Path) -> None:
    with Given(Agents, tmp_path) as given:
        given.facts(result("first"), result("second", copy="r2"), result("copy", copy="r2"))
        assert given.rows("SELECT content, content_size FROM tool_results") == [("second", 6)]


def test_rows_that_left_the_memory_are_found_again(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE prompts(prompt_id TEXT PRIMARY KEY, round_id TEXT NOT NULL)")
    table = Table(connection, "prompts", Prompt, keep=10)
    for number in range(100):
        table.put(str(number), Prompt(str(number), f"round {number}"))
        table.flush()
    assert [table.get(str(number)) for number in (0, 50, 99)] == [
        Prompt(str(number), f"round {number}") for number in (0, 50, 99)
    ]
    assert len(table.rows) <= 13
    table.drop("0")
    assert table.get("0") is None
    table.flush()
    assert connection.execute("SELECT count(*) FROM prompts").fetchone() == (99,)
    connection.close()
