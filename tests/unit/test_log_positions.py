"""Positions are contiguous; a position, once given, never names another event."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.errors import LogCorrupt
from eventsrc.event import Event
from eventsrc.log import LogReader
from eventsrc.log import reader as reader_module
from eventsrc.log.codec import decode
from tests.kit.log import append, build, newest, note, notes, open_log, records

STEPS = st.lists(st.one_of(st.integers(1, 5), st.just("reopen"), st.just("torn")), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, size=st.sampled_from([1, 700, 1 << 20]))
def test_positions_count_on_whatever_comes_between(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str], size: int
) -> None:
    data = tmp_path_factory.mktemp("log")
    log = open_log(data, segment_bytes=size)
    given_out: dict[int, bytes] = {}
    for step in steps:
        if isinstance(step, int):
            drafts = notes(len(given_out) + 1, step)
            for position, draft in zip(append(log, drafts).positions, drafts, strict=True):
                assert position == len(given_out) + 1
                given_out[position] = draft.data
        else:
            log.close()
            if step == "torn" and given_out and list((data / "log").glob("0*")):
                with newest(data).open("ab") as file:
                    file.write(b'{"specversion":"1.0","sequ')
            log = open_log(data, segment_bytes=size)
        assert log.head == len(given_out)
    log.close()
    assert records(data) == list(given_out.values())


def test_a_batch_that_was_refused_takes_no_position(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 3))
    with pytest.raises(Exception, match="at revision 3, not at 7"):
        append(log, notes(4, 2), {"s/1": 7})
    assert append(log, notes(4, 1)).positions == (4,)
    log.close()


def test_a_hole_between_two_events_is_refused(tmp_path: Path) -> None:
    build(tmp_path, [1, 1, 1])
    path = newest(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(LogCorrupt, match="position 2 is expected here"):
        LogReader(tmp_path).read(0, until=3)
    with pytest.raises(LogCorrupt):
        open_log(tmp_path)


def test_an_event_keeps_its_position_when_it_is_sent_again(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, [note("a", unique=True), note("b", unique=True)])
    log.close()
    log = open_log(tmp_path)
    assert append(log, [note("b", unique=True), note("c", unique=True), note("a", unique=True)]).positions == (2, 3, 1)
    log.close()


@pytest.mark.parametrize("block", [1, 300, 1 << 20])
@pytest.mark.parametrize("size", [1, 700, 1 << 20])
def test_however_a_log_is_read_it_holds_the_same_events(
    tmp_path: Path, size: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever blocks its files are read: an event may be longer than many of them."""
    log = open_log(tmp_path, segment_bytes=size)
    for count in (1, 30, 2, 9):
        append(log, notes(log.head + 1, count))
    append(log, [note(log.head + 1, data=b'"%b"' % (b"long " * 5_000))])
    append(log, notes(log.head + 1, 12))
    log.close()
    wanted = LogReader(tmp_path).read(0)
    monkeypatch.setattr(reader_module, "BLOCK_BYTES", block)
    reader = LogReader(tmp_path)
    head = reader.head()
    assert reader.read(0) == wanted and len(wanted) == head
    assert [decode(line) for _, line in reader.lines(0)] == wanted
    chunks = reader.chunks(0, head, 2_000)
    assert [event for chunk in chunks for event in reader.read_chunk(chunk)] == wanted
    run: list[Event] = []
    while len(run) < head:
        some = reader.run(len(run), until=head, max_events=7, max_bytes=3_000)
        assert some and list(some) == [some[place] for place in range(len(some))]
        run += some
    assert run == wanted
