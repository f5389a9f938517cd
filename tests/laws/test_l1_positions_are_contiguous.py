"""L1: positions are contiguous; one that was given never names another event."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.errors import IdConflict, WrongRevision
from eventsrc.event import Appended
from tests.kit.log import batch, forget_index, note, open_log, say, texts, together


def test_positions_count_from_one_without_gaps_over_segments_and_restarts(tmp_path: Path) -> None:
    for start in range(0, 60, 20):
        log = open_log(tmp_path, segment_bytes=1500)
        for number in range(start, start + 20):
            assert say(log, f"e{number}").positions == (number + 1,)
        log.close()
    assert len(list((tmp_path / "log").glob("0*.jsonl"))) > 5
    assert texts(tmp_path) == [f"e{number}" for number in range(60)]


def test_a_refused_batch_takes_no_position(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    say(log, "a", "b")
    answers = log.commit([batch("c"), batch("d", expected={"stream/a": 99}), batch("e")])
    assert isinstance(answers[1], WrongRevision) and (answers[1].actual, answers[1].expected) == (3, 99)
    assert [one.positions for one in answers if isinstance(one, Appended)] == [(3,), (4,)]
    log.close()
    assert texts(tmp_path) == ["a", "b", "c", "e"]


def test_the_same_id_again_is_the_same_event_however_late(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=600)
    assert say(log, "x", unique=True).positions == (1,)
    for number in range(20):
        say(log, f"e{number}")
    log.close()
    for damaged in (False, True):
        if damaged:
            forget_index(tmp_path)
        log = open_log(tmp_path)
        again = say(log, "x", "y", unique=True)
        assert again.positions[0] == 1 and again.duplicates >= 1
        log.close()
    assert texts(tmp_path).count("x") == texts(tmp_path).count("y") == 1


def test_an_id_with_other_data_is_a_conflict_and_stores_nothing(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    say(log, "x", unique=True)
    (answer,) = log.commit([together([note("x", unique=True, data=b'"other"'), note("z", unique=True)])])
    assert isinstance(answer, IdConflict) and answer.position == 1
    log.close()
    assert texts(tmp_path) == ["x"]


@pytest.mark.parametrize("index", ["kept", "deleted", "broken"])
def test_revisions_and_cursors_survive_whatever_happens_to_the_index(tmp_path: Path, index: str) -> None:
    log = open_log(tmp_path, segment_bytes=700)
    for number in range(10):
        say(log, f"a{number}", subject="stream/a")
        say(log, f"b{number}", subject="stream/b")
    log.close()
    path = tmp_path / "index/log.db"
    if index == "deleted":
        path.unlink()
    elif index == "broken":
        path.write_bytes(b"no database at all" * 100)
    log = open_log(tmp_path)
    assert (log.revision("stream/a"), log.revision("stream/b"), log.revision("stream/c")) == (10, 10, 0)
    assert say(log, "a10", expected=10).positions == (21,)
    log.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans()), max_size=25))
def test_any_history_is_what_a_list_and_a_dictionary_would_be(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, bool]]
) -> None:
    data = tmp_path_factory.mktemp("log")
    log = open_log(data, segment_bytes=500)
    model: list[str] = []
    for name, unique, reopen in steps:
        answer = say(log, name, unique=unique, subject=f"stream/{unique}")
        if unique and name + "!" in model:
            assert answer.positions == (model.index(name + "!") + 1,) and answer.duplicates == 1
        else:
            model.append(name + ("!" if unique else ""))
            assert answer.positions == (len(model),) and answer.duplicates == 0
        if reopen:
            log.close()
            log = open_log(data, segment_bytes=500)
            assert log.head == len(model)
    log.close()
    assert texts(data) == [name.rstrip("!") for name in model]
