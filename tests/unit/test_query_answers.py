"""Questions to read models: read-only, bounded, and following the pointer."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from eventsrc.errors import EventsrcError, NoStore, NotFound, QueryError, ReadModelBroken, UnknownProjection
from eventsrc.plugin import Question
from eventsrc.query import ReadModels
from eventsrc.query import models as models_module
from eventsrc.query.answer import distinct
from eventsrc.query.connection import reading


def build(read: Path, generation: int, rows: int = 3, *, name: str = "words", point: bool = True) -> Path:
    (read / name).mkdir(parents=True, exist_ok=True)
    path = read / name / f"{name}-{generation}.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "PRAGMA journal_mode=WAL; CREATE TABLE words(n INTEGER PRIMARY KEY, word TEXT);"
            "CREATE VIRTUAL TABLE found USING fts5(word);"
            "CREATE TABLE position(name TEXT, position INTEGER, digest TEXT, applied_at TEXT);"
            "CREATE TABLE dead_letters(position INTEGER, type TEXT, reason TEXT, raw_json TEXT, recorded_at TEXT);"
        )
        connection.executemany("INSERT INTO words VALUES (?, ?)", [(n, f"g{generation}") for n in range(rows)])
        connection.execute("INSERT INTO found VALUES ('needle in hay')")
        connection.execute("INSERT INTO position VALUES ('words', ?, '', '')", (rows,))
    connection.close()
    if point:
        (read / name / "current").write_text(path.name + "\n")
    return path


def current(read: Path, name: str) -> Path:
    pointer = read / name / "current"
    if not pointer.is_file():
        raise NotFound(what="read model", name=name)
    path = pointer.with_name(pointer.read_text().strip())
    if not path.is_file():
        raise ReadModelBroken(name=name, reason=f"{path.name} is missing")
    return path


QUESTIONS = {
    "words": [
        Question("one", "SELECT word FROM words WHERE n = :n", "One word.", ("n",)),
        Question(
            "by", "SELECT :by", "What is chosen.", ("by",), defaults={"by": "day"}, choices={"by": ("day", "hour")}
        ),
    ]
}


@pytest.fixture
def models(tmp_path: Path) -> ReadModels:
    build(tmp_path / "read", 1)
    return ReadModels(tmp_path / "read", QUESTIONS, current)


def test_a_named_question_answers_with_its_parameters(models: ReadModels) -> None:
    assert models.ask("words", "one", {"n": 1}).objects() == [{"word": "g1"}]
    assert models.ask("words", "one").rows == []  # a parameter that is not given is NULL


def test_a_text_that_is_no_utf8_is_a_wrong_question_and_no_crash(models: ReadModels) -> None:
    with pytest.raises(QueryError, match="decode to UTF-8 column 't'"):
        models.sql("words", "SELECT CAST(x'ff41' AS TEXT) AS t")


def test_a_parameter_that_has_choices_is_one_of_them(models: ReadModels) -> None:
    assert [models.ask("words", "by", given).rows for given in ({}, {"by": "hour"})] == [[("day",)], [("hour",)]]
    with pytest.raises(QueryError, match="by is one of day, hour, not 'week'"):
        models.ask("words", "by", {"by": "week"})


def test_an_unknown_question_or_parameter_says_what_there_is(models: ReadModels) -> None:
    with pytest.raises(QueryError, match="it knows: one"):
        models.ask("words", "two")
    with pytest.raises(QueryError, match="it takes: n"):
        models.ask("words", "one", {"m": 1})


def test_the_next_question_finds_the_new_generation_and_the_open_one_keeps_its_rows(tmp_path: Path) -> None:
    read = tmp_path / "read"
    models = ReadModels(read, QUESTIONS, current)
    old = build(read, 1)
    with reading(old, models._clock) as connection:
        cursor = connection.execute("SELECT word FROM words ORDER BY n")
        assert cursor.fetchone() == ("g1",)
        build(read, 2)
        assert models.sql("words", "SELECT DISTINCT word FROM words").rows == [("g2",)]
        assert cursor.fetchall() == [("g1",), ("g1",)]


def test_freshness_tells_position_generation_and_lag(models: ReadModels) -> None:
    fresh = models.freshness("words", head=10)
    assert (fresh.position, fresh.generation, fresh.lag_events, fresh.dead_letters) == (3, 1, 7, 0)


def test_full_text_search_and_table_functions_may_be_asked(models: ReadModels) -> None:
    assert models.sql("words", "SELECT rowid FROM found WHERE found MATCH 'needle'").rows == [(1,)]
    assert models.sql("words", "SELECT name FROM pragma_table_info('words')").rows == [("n",), ("word",)]
    assert models.sql("words", "SELECT value FROM json_each('[1,2]')").rows == [(1,), (2,)]
    assert models.sql("words", "-- first\n/* then */ with a(x) as (values (1)) select x from a;").rows == [(1,)]
    assert models.sql("words", "PRAGMA table_info(words)").columns[1] == "name"
    assert models.sql("words", "EXPLAIN QUERY PLAN SELECT 1").rows


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO words VALUES (9, 'x')",
        "WITH x AS (SELECT 1) DELETE FROM words",
        "WITH x AS (SELECT 1) INSERT INTO words SELECT 9, 'x'",
        "DROP TABLE words",
        "UPDATE sqlite_master SET type = 'x'",
        "CREATE TEMP TABLE t(x)",
        "ATTACH 'other.db' AS other",
        "DETACH main",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 3",
        "PRAGMA mmap_size = 1000000",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_wal_checkpoint",
        "VACUUM INTO 'stolen.db'",
        "VACUUM",
        "BEGIN IMMEDIATE",
        "REINDEX",
        "ANALYZE",
        "EXPLAIN DELETE FROM words",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE words",
        "",
        "-- nothing",
        "/* never closed",
        "SELECT",
        "SELECT nothing FROM words",
        "SELECT ?",
        "SELECT :missing",
        "SELECT zeroblob(2000000000)",
        "SELECT 1\0; DROP TABLE words",
        "INSERT INTO found(found) VALUES ('optimize')",
    ],
)
def test_what_is_not_reading_is_refused_and_changes_nothing(
    tmp_path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = build(tmp_path / "read", 1)
    before = path.read_bytes()
    with pytest.raises(QueryError):
        ReadModels(tmp_path / "read", {}, current).sql("words", statement)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["read"]


def test_the_authorizer_holds_by_itself(models: ReadModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the first word is for a clear message; without it nothing gets through either."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "read/words/words-1.db"
    for statement in (
        "VACUUM INTO 'stolen.db'",
        "ATTACH 'o.db' AS o",
        "DELETE FROM words",
        "UPDATE sqlite_master SET type = 1",
    ):
        with reading(path, models._clock) as connection, pytest.raises(sqlite3.DatabaseError):
            connection.execute(statement)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["read"]


def test_a_question_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    build(tmp_path / "read", 1)
    models = ReadModels(tmp_path / "read", {}, current, seconds=0.05)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(QueryError, match=r"longer than 0\.05 seconds"):
        models.sql("words", endless)


def test_an_answer_has_a_bound_in_rows_and_says_so(models: ReadModels) -> None:
    counting = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 600) SELECT x FROM n"
    answer = models.sql("words", counting, most=500)
    assert (len(answer.rows), answer.truncated) == (500, True)
    answer = models.sql("words", counting, most=600)
    assert (len(answer.rows), answer.truncated) == (600, False)


def test_an_answer_has_a_bound_in_bytes(models: ReadModels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "QUERY_BYTES", 1_000)
    with pytest.raises(QueryError, match="larger than 1000 bytes"):
        models.sql("words", "SELECT printf('%600c', 'x') FROM words")


def test_columns_with_one_name_are_all_kept(models: ReadModels) -> None:
    assert models.sql("words", "SELECT 1 AS n, 2 AS n, 3 AS n_2").objects() == [{"n": 1, "n_3": 2, "n_2": 3}]
    assert distinct(["a", "a", "a"]) == ("a", "a_2", "a_3")


def test_what_is_not_there_is_named(models: ReadModels, tmp_path: Path) -> None:
    with pytest.raises(UnknownProjection, match=r"no read model named \.\./words; there are: words\."):
        models.sql("../words", "SELECT 1")
    with pytest.raises(NoStore):
        ReadModels(tmp_path / "no" / "read", {}, current).sql("words", "SELECT 1")
    with pytest.raises(NotFound):
        ReadModels(tmp_path / "read", {"later": []}, current).sql("later", "SELECT 1")


@pytest.mark.parametrize("damage", [b"", b"\0" * 8192, b"not a database, surely" * 400])
def test_a_damaged_read_model_is_called_broken_or_refused(tmp_path: Path, damage: bytes) -> None:
    path = build(tmp_path / "read", 1)
    for side in ("-wal", "-shm"):
        Path(f"{path}{side}").unlink(missing_ok=True)
    path.write_bytes(damage)
    with pytest.raises((ReadModelBroken, QueryError)):
        ReadModels(tmp_path / "read", {}, current).sql("words", "SELECT word FROM words")


def test_a_pointer_that_leads_nowhere_is_called_broken(tmp_path: Path) -> None:
    build(tmp_path / "read", 1).unlink()
    with pytest.raises(EventsrcError, match="missing"):
        ReadModels(tmp_path / "read", {}, current).sql("words", "SELECT 1")
