"""What damage does to a small log: the bytes stay, or an unfinished tail is cut and kept aside, or it is refused.

Exhaustive over a small log: every prefix, every bit, every sector. Each damage ends in exactly one of clean, rolled
back (reported, with the groups before intact) and corrupt (refused, with nothing changed on disk).
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.errors import LogCorrupt
from eventsrc.log import LogReader, verify
from tests.kit.log import append, build, files, newest, notes, open_log, records

GROUPS = (1, 2, 1)
EDGES = list(itertools.accumulate(GROUPS, initial=0))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A log of three groups without an index, so that nothing but the segment tells what was durable."""
    data = tmp_path / "small"
    build(data, GROUPS)
    shutil.rmtree(data / "index")
    return data


def _outcome(data: Path, path: Path, content: bytes, all_records: list[bytes]) -> str:
    """Opens the log with this content in its segment; checks what must hold of each outcome."""
    path.write_bytes(content)
    shutil.rmtree(data / "index", ignore_errors=True)
    shutil.rmtree(data / "log" / "aside", ignore_errors=True)
    before = files(data)
    try:
        log = open_log(data)
    except LogCorrupt as error:
        assert files(data) == before, "what is refused is not touched"
        assert error.segment == path.name
        assert not verify(data).ok
        return "corrupt"
    head = log.head
    recovery = log.recovery
    log.close()
    assert head in EDGES
    assert records(data) == all_records[:head], "earlier groups are intact, and no event was changed"
    if recovery.clean:
        assert path.read_bytes() == content
        return "clean"
    (cut,) = recovery.cuts
    assert Path(cut.aside).read_bytes() == content[cut.byte :]
    assert path.read_bytes() == content[: cut.byte]
    assert cut.bytes == len(content) - cut.byte and cut.reason and cut.line
    return "rolled back"


def _damage(data: Path, contents: Iterator[bytes]) -> Counter[str]:
    path = newest(data)
    whole = path.read_bytes()
    expected = records(data)
    found: Counter[str] = Counter()
    for content in contents:
        if content != whole:
            found[_outcome(data, path, content, expected)] += 1
    return found


def _flips(whole: bytes, bytes_: range) -> Iterator[bytes]:
    for byte in bytes_:
        for bit in range(8):
            yield whole[:byte] + bytes([whole[byte] ^ 1 << bit]) + whole[byte + 1 :]


def _sectors(whole: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(whole), size):
        yield (whole[:start] + bytes(size) + whole[start + size :])[: len(whole)]


def test_every_prefix_of_a_log_is_clean_or_rolled_back(small: Path) -> None:
    whole = newest(small).read_bytes()
    found = _damage(small, (whole[:length] for length in range(0, len(whole), 13)))
    assert found["corrupt"] == 0 and found["rolled back"] > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_single_prefix_is_clean_or_rolled_back(small: Path) -> None:
    whole = newest(small).read_bytes()
    found = _damage(small, (whole[:length] for length in range(len(whole))))
    assert found == {"clean": len(GROUPS), "rolled back": len(whole) - len(GROUPS)}


def test_a_flipped_bit_is_never_an_event(small: Path) -> None:
    whole = newest(small).read_bytes()
    found = _damage(small, itertools.islice(_flips(whole, range(len(whole))), 0, None, 97))
    assert found["clean"] == 0 and found["corrupt"] > found["rolled back"] > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_flipped_bit_anywhere_is_an_event(small: Path) -> None:
    whole = newest(small).read_bytes()
    found = _damage(small, _flips(whole, range(len(whole))))
    assert found["clean"] == 0 and found.total() == 8 * len(whole)


@pytest.mark.parametrize("size", [64, 512])
def test_a_zeroed_sector_is_never_an_event(small: Path, size: int) -> None:
    whole = newest(small).read_bytes()
    found = _damage(small, _sectors(whole, size))
    assert found["clean"] == 0 and found["rolled back"] > 0 and found["corrupt"] > 0


def test_a_tail_of_zeros_is_torn_and_not_an_event(small: Path) -> None:
    whole = newest(small).read_bytes()
    assert _damage(small, iter([whole + bytes(4096), whole + bytes(1)])) == {"rolled back": 2}


def test_damage_is_not_rolled_back_when_the_index_knows_that_it_was_durable(tmp_path: Path) -> None:
    build(tmp_path, GROUPS)
    path = newest(tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    before = files(tmp_path)
    with pytest.raises(LogCorrupt, match="1 events that were durable are gone"):
        open_log(tmp_path)
    assert files(tmp_path) == before


def test_appending_and_sealing_only_add_bytes(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=500)
    before = files(tmp_path)
    for number in range(1, 12):
        append(log, notes(number, 1))
        after = files(tmp_path)
        assert all(after[name].startswith(content) for name, content in before.items())
        before = after
    log.close()
    assert len(before) > 3


def test_two_torn_tails_are_both_kept(tmp_path: Path) -> None:
    build(tmp_path, [1])
    for tail in (b'{"torn', b'{"torn again'):
        newest(tmp_path).write_bytes(newest(tmp_path).read_bytes() + tail)
        log = open_log(tmp_path)
        assert [cut.bytes for cut in log.recovery.cuts] == [len(tail)]
        log.close()
    kept = sorted(path.read_bytes() for path in (tmp_path / "log" / "aside").iterdir())
    assert kept == [b'{"torn', b'{"torn again']


def test_no_flipped_bit_gets_past_the_check_of_many_lines_together(tmp_path: Path) -> None:
    """Large groups are checked as a whole; the groups above are too small for that."""
    data, count = tmp_path / "large", 20
    build(data, (count,))
    path = newest(data)
    content = path.read_bytes()
    for byte in range(len(content)):
        damaged = bytearray(content)
        damaged[byte] ^= 1 << byte % 8
        path.write_bytes(damaged)
        with pytest.raises(LogCorrupt):
            LogReader(data).read(0, until=count)
    path.write_bytes(content)
    assert len(LogReader(data).read(0, until=count)) == count
    path.write_bytes(content.replace(b'"7"', b'"8"'))
    assert not verify(data).ok


@pytest.mark.parametrize("place", range(18))
def test_sound_lines_of_a_large_group_in_another_order_are_refused(tmp_path: Path, place: int) -> None:
    data = tmp_path / "large"
    build(data, (20,))
    lines = newest(data).read_bytes().splitlines(keepends=True)
    swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
    for changed in (swapped, lines[:place] + lines[place + 1 :], [*lines[: place + 1], *lines[place:-1]]):
        newest(data).write_bytes(b"".join(changed))
        with pytest.raises(LogCorrupt):
            LogReader(data).read(0, until=20)
