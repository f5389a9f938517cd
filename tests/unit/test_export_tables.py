"""Tables given out: every form holds every cell, whole files or none, one moment."""

from __future__ import annotations

import csv
import io
import json
import math
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest

import eventsrc
from eventsrc.durable import SystemDisk
from eventsrc.errors import AlreadyThere, CannotWrite, ExtraMissing, NoStore, UnknownProjection, UsageError
from eventsrc.service.relations import relations
from eventsrc.service.tables import Form, Written, export, lines

NAME = 'the "rows"'
HARD = "nul \x00 quote \" ' comma , feed \r\n \u2028 😀"
BIG = 2**63 - 1
ROWS: list[tuple[Any, ...]] = [
    (1, 0.5, HARD, b"\x00\xff", 7),
    (BIG, math.inf, "=1+1", b"", "seven"),
    (-BIG - 1, None, None, None, b"\xfe"),
]
FORMS: Sequence[Form] = get_args(Form)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with one read model, written by hand, and three events."""
    data = tmp_path / "data"
    with eventsrc.open(data) as store:
        store.append([{"n": 1}, b"\xff no JSON"], subject="s/1", type="test.note", source="urn:test")
        store.append([{"text": HARD}], subject="s/2", type="test.note", source="urn:test")
    folder = data / "read/notes"
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "notes-1.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute('CREATE TABLE "the ""rows"""(n INTEGER, x REAL, t TEXT, b BLOB, "any\'s" ANY) STRICT')
    connection.executemany('INSERT INTO "the ""rows""" VALUES (?, ?, ?, ?, ?)', ROWS)
    connection.execute("CREATE TABLE loose(mixed INTEGER, number INTEGER, void)")
    connection.executemany("INSERT INTO loose VALUES (?, ?, NULL)", [(1, 1), ("one", 1.5)])
    connection.execute('CREATE VIEW seen AS SELECT n, n + 0.5 AS half FROM "the ""rows""" WHERE n = 1')
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(t)")
    connection.close()
    (folder / "current").write_text("notes-1.db\n")
    return data


def given_out(data: Path, form: Form, out: Path, *tables: str, name: str = "notes", **more: bool) -> list[Written]:
    with relations(data, name) as given:
        return export(given, given.tables(tables), form, out, SystemDisk(), lambda done, total: None, **more)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_all_of_a_read_model_is_its_tables_and_views_without_indexes_of_words(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = given_out(data, "jsonl", out)
    assert [Path(one.path).name.partition("~")[0] for one in files] == ["loose.jsonl", "seen.jsonl", "the__rows_"]
    assert [one.rows for one in files] == [2, 1, 3]
    assert [one.bytes for one in files] == [Path(one.path).stat().st_size for one in files]
    assert len(left(out)) == 3 and not list(tmp_path.glob(".*"))
    assert {Path(one.path).stat().st_mode & 0o777 for one in files} == {0o600}


def test_json_holds_every_cell(data: Path, tmp_path: Path) -> None:
    given_out(data, "jsonl", tmp_path / "rows.jsonl", NAME)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").split("\n")[:-1]]
    assert rows[0] == {"n": 1, "x": 0.5, "t": HARD, "b": "AP8=", "any's": 7}
    assert rows[1] == {"n": BIG, "x": None, "t": "=1+1", "b": "", "any's": "seven"}
    assert rows[2] == {"n": -BIG - 1, "x": None, "t": None, "b": None, "any's": "/g=="}


def test_csv_holds_every_cell_and_no_formula(data: Path, tmp_path: Path) -> None:
    (written,) = given_out(data, "csv", tmp_path / "rows.csv", NAME)
    text = (tmp_path / "rows.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["n", "x", "t", "b", "any's"] and written.rows == 3 and len(rows) == 4
    assert rows[1] == ["1", "0.5", HARD.replace("\0", "\N{SYMBOL FOR NULL}"), "AP8=", "7"]
    assert rows[2] == [str(BIG), "inf", "'=1+1", "", "seven"]


@pytest.mark.parametrize("form", ["parquet", "duckdb"])
def test_duckdb_reads_every_cell_with_its_type(data: Path, tmp_path: Path, form: Form) -> None:
    (written,) = given_out(data, form, tmp_path / f"rows.{form}", NAME)
    with duckdb.connect(written.path if form == "duckdb" else ":memory:", read_only=form == "duckdb") as connection:
        table = '"the ""rows"""' if form == "duckdb" else f"'{written.path}'"
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        kinds = [kind for _, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]
    assert rows == [
        (1, 0.5, HARD, b"\x00\xff", "7"),
        (BIG, math.inf, "=1+1", b"", "seven"),
        (-BIG - 1, None, None, None, "/g=="),
    ]
    assert kinds == ["BIGINT", "DOUBLE", "VARCHAR", "BLOB", "VARCHAR"] and written.rows == 3


def test_a_database_holds_all_tables_and_columns_are_what_their_cells_are(data: Path, tmp_path: Path) -> None:
    (written,) = given_out(data, "duckdb", tmp_path / "all.duckdb")
    assert written.rows == 6 and not list(tmp_path.glob("*.wal"))
    with duckdb.connect(written.path, read_only=True) as connection:
        assert connection.execute("SELECT * FROM loose").fetchall() == [("1", 1.0, None), ("one", 1.5, None)]
        assert connection.execute("SELECT * FROM seen").fetchall() == [(1, 1.5)]


def test_rows_of_many_batches_all_arrive(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.analytics.rows.DUCKDB_BATCH_BYTES", 1)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("eventsrc.service.tables.EXPORT_ROWS", 2)
    with relations(data, "notes") as given:
        tables = given.tables(())
        (written,) = export(
            given, tables, "duckdb", tmp_path / "all.duckdb", SystemDisk(), lambda *one: told.append(one)
        )
    assert written.rows == 6 and told == [(2, 6), (4, 6), (6, 6)]


def test_the_log_is_given_as_its_lines_stand_or_as_a_table(data: Path, tmp_path: Path) -> None:
    (written,) = given_out(data, "jsonl", tmp_path / "log.jsonl", name="log")
    assert Path(written.path).read_bytes() == b"".join(path.read_bytes() for path in (data / "log").glob("*.jsonl"))
    given_out(data, "parquet", tmp_path / "log.parquet", name="log")
    rows = duckdb.execute(
        f"SELECT position, subject, revision, data, data_base64 FROM '{tmp_path}/log.parquet'"
    ).fetchall()
    assert [row[:3] for row in rows] == [(1, "s/1", 1), (2, "s/1", 2), (3, "s/2", 1)]
    assert json.loads(rows[2][3]) == {"text": HARD} and rows[1][3] is None and rows[1][4] is not None


@pytest.mark.parametrize("form", FORMS)
def test_what_is_there_is_replaced_only_when_that_is_said(data: Path, tmp_path: Path, form: Form) -> None:
    out = tmp_path / f"rows.{form}"
    out.write_bytes(b"precious")
    with pytest.raises(AlreadyThere, match="is there already"):
        given_out(data, form, out, NAME)
    assert out.read_bytes() == b"precious"
    (written,) = given_out(data, form, out, NAME, force=True)
    assert out.stat().st_size == written.bytes and out.read_bytes() != b"precious"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_one_file_in_the_way_keeps_all_of_them_from_being_written(data: Path, tmp_path: Path, form: Form) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f"seen.{form}").write_bytes(b"precious")
    (out / "mine").write_bytes(b"mine")
    with pytest.raises(AlreadyThere):
        given_out(data, form, out)
    assert left(out) == ["mine", f"seen.{form}"]
    assert len(given_out(data, form, out, force=True)) == 3
    assert len(left(out)) == 4 and (out / "mine").read_bytes() == b"mine"


class Failing(SystemDisk):
    """A disk on which the n-th sync fails."""

    def __init__(self, left: int) -> None:
        self.left = left

    def sync(self, fd: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        super().sync(fd)


@pytest.mark.parametrize("form, syncs", [("jsonl", 0), ("csv", 2), ("parquet", 1), ("duckdb", 0)])
def test_after_a_failure_there_is_nothing(data: Path, tmp_path: Path, form: Form, syncs: int) -> None:
    out, disk = tmp_path / "out", Failing(syncs)
    with relations(data, "notes") as given, pytest.raises(CannotWrite, match="No space left"):
        export(given, given.tables(()), form, out, disk, lambda done, total: None)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_a_killed_export_left_is_in_nobodys_way(data: Path, tmp_path: Path) -> None:
    staged = tmp_path / ".all.duckdb.eventsrc-tmp"
    staged.mkdir()
    (staged / "all.duckdb").write_bytes(b"half a database")
    (staged / "all.duckdb.wal").write_bytes(b"half a journal")
    (written,) = given_out(data, "duckdb", tmp_path / "all.duckdb")
    assert written.rows == 6 and not staged.exists()


def test_an_export_sees_one_moment_and_does_not_keep_the_writer_waiting(data: Path) -> None:
    writer = sqlite3.connect(data / "read/notes/notes-1.db", isolation_level=None, timeout=0)
    with relations(data, "notes") as given:
        (seen,) = given.tables(["seen"])
        writer.execute('DELETE FROM "the ""rows"""')
        writer.execute("DROP VIEW seen")
        assert list(given.rows(seen)) == [(1, 1.5)] and given.tables([NAME])[0].rows == 3
    with relations(data, "notes") as given:
        assert given.tables([NAME])[0].rows == 0
    writer.close()


def test_an_empty_table_has_its_columns(data: Path, tmp_path: Path) -> None:
    with sqlite3.connect(data / "read/notes/notes-1.db") as connection:
        connection.execute("DELETE FROM loose")
    connection.close()
    given_out(data, "parquet", tmp_path / "loose.parquet", "loose")
    described = duckdb.execute(f"DESCRIBE SELECT * FROM '{tmp_path}/loose.parquet'").fetchall()
    assert [row[:2] for row in described] == [("mixed", "BIGINT"), ("number", "BIGINT"), ("void", "VARCHAR")]
    with relations(data, "notes") as given:
        assert b"".join(lines(given, given.tables(["loose"])[0], "csv")) == b"mixed,number,void\r\n"
        assert list(lines(given, given.tables(["loose"])[0], "jsonl")) == []


@pytest.mark.parametrize("form", ["parquet", "duckdb"])
def test_without_duckdb_it_says_what_to_install(
    data: Path, tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "eventsrc.analytics.export", raising=False)
    monkeypatch.delitem(sys.modules, "eventsrc.analytics.rows", raising=False)
    with pytest.raises(ExtraMissing, match="needs the package duckdb") as raised:
        given_out(data, form, tmp_path / "out", "seen")
    assert raised.value.advice() == "Install it: pip install 'eventsrc[analytics]'"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_not_there_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"notes has no table 'words'; it has: loose, seen, the"):
        given_out(data, "csv", tmp_path / "x.csv", "words")
    with pytest.raises(UnknownProjection):
        given_out(data, "csv", tmp_path / "x.csv", name="nothing")
    with pytest.raises(NoStore):
        given_out(tmp_path / "nowhere", "csv", tmp_path / "x.csv")
    with pytest.raises(CannotWrite, match="No such file"):
        given_out(data, "csv", tmp_path / "no/folder/x.csv", "seen")
