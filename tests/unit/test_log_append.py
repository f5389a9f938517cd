"""Ids, revisions and cursors: what makes an append happen once, and what the index is worth."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from eventsrc.errors import IdConflict, LogFailed, Rejected, WrongRevision
from eventsrc.event import Appended
from eventsrc.limits import COMMIT_EVENTS
from eventsrc.log import LogReader
from eventsrc.testing.disk import FaultyDisk
from tests.kit.log import abandon, append, build, note, notes, open_log, records, together


def test_the_same_id_is_stored_once_within_a_batch_a_group_and_for_ever(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    first = append(log, [note("a", unique=True), note("a", unique=True), note("b", unique=True)])
    assert (first.positions, first.duplicates) == ((1, 1, 2), 1)
    answers = log.commit(
        [together([note("c", unique=True)]), together([note("c", unique=True), note("a", unique=True)])]
    )
    assert answers == [Appended((3,)), Appended((3, 1), 2)]
    log.close()
    log = open_log(tmp_path)
    assert append(log, [note("c", unique=True)]) == Appended((3,), 1)
    assert log.head == 3
    log.close()


def test_a_group_of_duplicates_writes_nothing(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk)
    append(log, [note("a", unique=True)])
    before = disk.count
    append(log, [note("a", unique=True)])
    assert disk.count == before
    log.close()


def test_the_same_id_for_other_data_is_a_conflict_and_leaves_no_trace(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, [note("a", unique=True)])
    answers = log.commit(
        [together([note("z", unique=True), note("a", unique=True, data=b"{}")]), together([note("z", unique=True)])]
    )
    assert isinstance(answers[0], IdConflict) and answers[0].position == 1
    assert answers[1] == Appended((2,))
    log.close()


def test_two_data_for_one_new_id_in_one_group_conflict(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    first, second = log.commit([together([note("a", unique=True)]), together([note("a", unique=True, data=b"1")])])
    assert first == Appended((1,)) and isinstance(second, IdConflict)
    log.close()


def test_an_expected_revision_counts_what_the_group_already_adds(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    answers = log.commit(
        [
            together([note(1)], {"s/1": 0}),
            together([note(2)], {"s/1": 1}),
            together([note(3)], {"s/1": 1}),
            together([note(4, subject="s/2")], {"s/2": 0, "s/1": 2}),
        ]
    )
    assert [type(answer) for answer in answers] == [Appended, Appended, WrongRevision, Appended]
    assert (log.revision("s/1"), log.revision("s/2"), log.revision("s/3"), log.head) == (2, 1, 0, 3)
    log.close()
    assert [(event.subject, event.revision) for event in LogReader(tmp_path).read(0)] == [
        ("s/1", 1),
        ("s/1", 2),
        ("s/2", 1),
    ]


def test_a_retry_is_a_duplicate_although_its_expectation_is_old(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    batch = together([note("a", unique=True)], {"s/1": 0})
    assert log.commit([batch]) == [Appended((1,))]
    assert log.commit([batch]) == [Appended((1,), 1)]
    log.close()


def test_more_than_one_commit_holds_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    (answer,) = log.commit([together([note(1)] * (COMMIT_EVENTS + 1))])
    assert isinstance(answer, Rejected) and log.head == 0
    log.close()


def test_the_last_cursor_of_a_key_wins(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 5))
    assert log.cursor("file") == "file 5" and log.cursor("other") is None
    log.close()
    log = open_log(tmp_path)
    assert log.cursor("file") == "file 5"
    log.close()


def _knows(tmp_path: Path) -> str:
    """Opens the log, checks that nothing was forgotten, and tells why the index was begun anew."""
    log = open_log(tmp_path)
    reason = log.recovery.index
    assert log.recovery.clean
    assert (log.head, log.revision("s/1"), log.cursor("file")) == (3, 3, "file 3")
    assert append(log, notes(1, 3, unique=True)) == Appended((1, 2, 3), 3)
    log.close()
    return reason


@pytest.fixture
def three(tmp_path: Path) -> Path:
    log = open_log(tmp_path)
    append(log, notes(1, 3, unique=True))
    log.close()
    return tmp_path


def test_a_deleted_index_is_made_again(three: Path) -> None:
    shutil.rmtree(three / "index")
    assert _knows(three) == ""


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, bytes(8192)], ids=["empty", "text", "zeros"])
def test_a_broken_index_is_made_again(three: Path, content: bytes) -> None:
    (three / "index" / "log.db").write_bytes(content)
    _knows(three)


def test_an_index_that_is_ahead_of_the_log_refuses_the_loss(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 3, unique=True))
    append(log, notes(4, 1))
    log.close()
    path = tmp_path / "log" / f"{1:020d}.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    with pytest.raises(Exception, match="1 events that were durable are gone"):
        open_log(tmp_path)


def test_an_index_of_another_log_is_made_again(three: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    log = open_log(other)
    append(log, [note("x", unique=True), note("y", unique=True)])
    log.close()
    shutil.rmtree(three / "index")
    shutil.copytree(other / "index", three / "index")
    assert _knows(three) == "it belongs to another log"


def test_an_index_that_lags_is_brought_up_from_the_log(three: Path) -> None:
    index = three / "index"
    saved = {path.name: path.read_bytes() for path in index.iterdir()}
    log = open_log(three)
    append(log, notes(4, 2, unique=True))
    log.close()
    for path in index.iterdir():
        path.unlink()
    for name, content in saved.items():
        (index / name).write_bytes(content)
    log = open_log(three)
    assert append(log, notes(3, 3, unique=True)) == Appended((3, 4, 5), 3)
    log.close()


def test_nothing_that_the_index_was_not_told_is_forgotten_by_a_crash(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 3, unique=True))
    abandon(log)
    assert _knows(tmp_path) == ""


def test_an_index_that_cannot_be_asked_stops_the_log_and_is_made_again(three: Path) -> None:
    log = open_log(three)
    with sqlite3.connect(three / "index" / "log.db") as other:
        other.execute("DROP TABLE ids")
    other.close()
    with pytest.raises(LogFailed, match="look-up"):
        append(log, notes(1, 1, unique=True))
    abandon(log)
    assert _knows(three) == ""


def test_reading_begins_anywhere_and_ends_where_it_is_told(tmp_path: Path) -> None:
    build(tmp_path, [1, 4, 2, 3], segment_bytes=900)
    reader = LogReader(tmp_path)
    everything = records(tmp_path)
    for after in range(10):
        for until in range(after, 11):
            found = reader.read(after, until=until)
            assert [event.raw for event in found] == everything[after:until]
        chunks = list(reader.chunks(after, 10, size=400))
        assert [event.raw for chunk in chunks for event in reader.read_chunk(chunk)] == everything[after:]
    assert [event.position for event in reader.stream("s/1", 7)] == [8, 9, 10]
