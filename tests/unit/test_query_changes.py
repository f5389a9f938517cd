"""A screen learns that a read model moved without asking it, and misses neither a commit nor another generation."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from eventsrc.query import Changes


def made(path: Path) -> sqlite3.Connection:
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE t(n INTEGER)")
    return writer


def test_only_a_commit_of_somebody_else_is_a_change(tmp_path: Path) -> None:
    writer = made(tmp_path / "a-1.db")
    changes = Changes(lambda: tmp_path / "a-1.db")
    assert changes.moved() and not changes.moved()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1)")
    assert not changes.moved()
    writer.execute("COMMIT")
    assert changes.moved() and not changes.moved()
    changes.close()
    writer.close()


def test_another_generation_is_a_change_and_so_is_a_file_put_in_place(tmp_path: Path) -> None:
    made(tmp_path / "a-1.db").close()
    made(tmp_path / "a-2.db").close()
    pointer = [tmp_path / "a-1.db"]
    changes = Changes(lambda: pointer[0])
    assert changes.moved() and not changes.moved()
    pointer[0] = tmp_path / "a-2.db"
    assert changes.moved() and not changes.moved()
    (tmp_path / "a-1.db").replace(tmp_path / "a-2.db")
    assert changes.moved() and not changes.moved()
    changes.close()


def test_what_is_not_there_counts_as_moved_until_it_is(tmp_path: Path) -> None:
    changes = Changes(lambda: tmp_path / "a-1.db")
    assert changes.moved() and changes.moved()
    made(tmp_path / "a-1.db").close()
    assert changes.moved() and not changes.moved()
    changes.close()


def test_nothing_holds_up_a_checkpoint(tmp_path: Path) -> None:
    writer = made(tmp_path / "a-1.db")
    changes = Changes(lambda: tmp_path / "a-1.db")
    changes.moved()
    writer.execute("INSERT INTO t VALUES (1)")
    changes.moved()
    assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    changes.close()
    writer.close()


def test_a_file_that_is_no_database_counts_as_moved(tmp_path: Path) -> None:
    (tmp_path / "a-1.db").write_bytes(b"nonsense" * 1000)
    changes = Changes(lambda: tmp_path / "a-1.db")
    assert changes.moved() and changes.moved()
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(tmp_path / "a-1.db").execute("SELECT 1 FROM t")
