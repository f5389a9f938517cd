"""Loading is all or nothing, changes nothing the second time, and says what it could not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from eventsrc.analytics.dossier import Dossier
from eventsrc.analytics.load import Load, load
from eventsrc.analytics.stream import content_of, logs_of
from eventsrc.errors import LoadFailed, TryAgain
from eventsrc.testing.given import Given
from projections.experiments import Experiments
from tests.unit.experiments_kit import dialogue, manifest, read_folder, readings, said

NOW = 1_790_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lab" / "calm-lake_0a1b2c3d"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest("conv_1", "conv_2"))
    (folder / "conv_1_events.jsonl").write_bytes(b"\n".join(dialogue("conv_1")) + b"\n")
    (folder / "events_conv_2.jsonl").write_bytes(b"\n".join(dialogue("conv_2", 1, end="error")) + b"\n")
    return folder


def dossier(folder: Path, tmp_path: Path) -> Dossier:
    with Given(Experiments, tmp_path) as given:
        given.readings(readings(read_folder(folder)))
        (run,) = given.ask("status", id="experiment_0a1b2c3d", now=NOW)
        parts: dict[str, list[dict[str, Any]]] = {
            name: given.ask(name, id=run["id"]) for name in ("turns", "messages", "usage", "errors")
        }
        return Dossier(str(folder), run, given.ask("conversations", id=run["id"], now=NOW), **parts)


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def everything(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("events", "rejected", "experiments", "conversations", "messages", "turns", "token_usage", "errors")
    found = {table: rows(database, f"SELECT * FROM {table} ORDER BY ALL") for table in tables}
    return found | {"loads": rows(database, "SELECT * EXCLUDE (loaded_at) FROM loads ORDER BY ALL")}


def outcomes(done: Load) -> list[str]:
    return [one.outcome for one in done.streams]


def test_an_experiment_is_loaded_with_a_ledger(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "a/b/x.duckdb"
    done = load(dossier(folder, tmp_path), database)
    assert (outcomes(done), done.rows, done.rejected) == (["loaded", "loaded"], 15 + 9, 0)
    counts = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM messages), (SELECT count(*) FROM turns)"
    assert rows(database, counts) == [(24, 6, 3)]
    assert rows(database, "SELECT status, planned_conversations FROM experiments") == [("completed_with_failures", 2)]
    status = "SELECT conversation_id, status, end_reason, total_turns FROM conversations ORDER BY 1"
    assert rows(database, status) == [("conv_1", "completed", "max_turns_reached", 2), ("conv_2", "failed", "error", 1)]
    (first, *_) = rows(database, "SELECT file, file_hash, bytes, last_sequence, rows FROM loads ORDER BY file")
    log = folder / "conv_1_events.jsonl"
    content = content_of(log)
    assert first == (str(log), content.digest, log.stat().st_size, 15, 15)


def test_what_happened_when_is_in_the_rows_and_a_request_does_not_repeat_everything(
    folder: Path, tmp_path: Path
) -> None:
    database = tmp_path / "x.duckdb"
    load(dossier(folder, tmp_path), database)
    started = "event_type = 'ConversationStartEvent' AND conversation_id = 'conv_1'"
    (row,) = rows(database, f"SELECT timestamp::VARCHAR, local_time FROM events WHERE {started}")
    assert row == ("2026-02-03 10:00:00", False)
    request = "SELECT event_data->>'history_messages', event_data->>'conversation_history' FROM events "
    assert set(rows(database, f"{request} WHERE event_type = 'MessageRequestEvent'")) == {("1", None)}
    (metrics,) = rows(database, "SELECT message_a_word_count, round(vocabulary_overlap, 3) FROM turn_metrics "
                                "WHERE conversation_id = 'conv_1' AND turn_number = 0")  # fmt: skip
    assert metrics == (6, 0.375), "is, part and 0 of eight different words"


def test_loading_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "x.duckdb"
    load(dossier(folder, tmp_path), database)
    before = everything(database)
    assert outcomes(load(dossier(folder, tmp_path), database)) == ["unchanged", "unchanged"]
    assert everything(database) == before
    assert outcomes(load(dossier(folder, tmp_path), database, force=True)) == ["again", "again"]
    assert everything(database) == before


def test_a_log_that_grew_is_continued_and_one_that_was_rewritten_is_loaded_again(folder: Path, tmp_path: Path) -> None:
    database, log = tmp_path / "x.duckdb", folder / "conv_1_events.jsonl"
    load(dossier(folder, tmp_path), database)
    with log.open("ab") as file:
        file.write(said("agent_a", "one more", 40) + b"\n")
    assert outcomes(load(dossier(folder, tmp_path), database)) == ["continued", "unchanged"]
    assert rows(database, "SELECT last_sequence, rows FROM loads ORDER BY file LIMIT 1") == [(16, 16)]
    grown = everything(database)
    fresh = tmp_path / "fresh.duckdb"
    load(dossier(folder, tmp_path), fresh)
    assert everything(fresh) == grown, "continuing gives what loading at once gives"
    log.write_bytes(log.read_bytes().replace(b"calm", b"deep"))
    assert outcomes(load(dossier(folder, tmp_path), database)) == ["again", "unchanged"]
    assert rows(database, "SELECT count(*) FROM events WHERE event_data::VARCHAR LIKE '%calm%'") == [(1,)]


def test_a_line_that_is_not_finished_waits(folder: Path, tmp_path: Path) -> None:
    database, log = tmp_path / "x.duckdb", folder / "conv_1_events.jsonl"
    whole = said("agent_a", "half", 40) + b"\n"
    log.write_bytes(log.read_bytes() + whole[:50])
    assert load(dossier(folder, tmp_path), database).streams[0].rows == 15
    log.write_bytes(log.read_bytes() + whole[50:])
    done = load(dossier(folder, tmp_path), database)
    assert (done.streams[0].outcome, done.streams[0].rows, done.rejected) == ("continued", 16, 0)


def test_lines_that_cannot_be_loaded_are_named_and_the_others_are_there(folder: Path, tmp_path: Path) -> None:
    database, log = tmp_path / "x.duckdb", folder / "conv_1_events.jsonl"
    lines = log.read_bytes().splitlines()
    odd = [b"not json", b"", b'{"event_type":"X"}', b"\xff\xfe", b"[" * 100_000, b'{"a":1}']
    log.write_bytes(b"\n".join([*lines[:3], *odd, *lines[3:]]) + b"\n")
    done = load(dossier(folder, tmp_path), database)
    assert (done.streams[0].rows, done.rejected) == (15, 6)
    assert [problem.line for problem in done.problems] == [4, 5, 6, 7, 8, 9]
    stored = dict(rows(database, "SELECT line, reason FROM rejected"))
    assert stored[5] == "an empty line" and stored[6] == "no conversation_id" and stored[9] == "no event_type"
    assert rows(database, "SELECT max(sequence) FROM events WHERE conversation_id = 'conv_1'") == [(21,)]


def test_a_load_that_fails_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "x.duckdb"
    good = dossier(folder, tmp_path)
    twice = Dossier(good.folder, good.run, [*good.conversations, good.conversations[0]])
    with pytest.raises(LoadFailed) as caught:
        load(twice, database)
    assert caught.value.id == "experiment_0a1b2c3d" and "load-db" in caught.value.advice()
    assert rows(database, "SELECT count(*) FROM duckdb_tables()") == [(0,)], "not even the tables"
    load(good, database)
    before = everything(database)
    (folder / "conv_1_events.jsonl").write_bytes(b"\n".join(dialogue("conv_1", 4)) + b"\n")
    with pytest.raises(LoadFailed):
        load(twice, database)
    assert everything(database) == before


def test_a_database_that_somebody_else_has_open_is_a_reason_to_try_again(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "x.duckdb"
    held = "import duckdb,sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", held, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "open\n"
    try:
        with pytest.raises(TryAgain, match="cannot be opened now"):
            load(dossier(folder, tmp_path), database)
    finally:
        other.communicate("")
    assert load(dossier(folder, tmp_path), database).rows == 24


def test_every_name_of_a_log_is_found_once(tmp_path: Path) -> None:
    for name in ("conv_1_events.jsonl", "events_conv_2.jsonl", "events.jsonl", "other.jsonl", "manifest.json"):
        (tmp_path / name).touch()
    assert [path.name for path in logs_of(tmp_path)] == ["conv_1_events.jsonl", "events.jsonl", "events_conv_2.jsonl"]
