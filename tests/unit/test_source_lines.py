"""Short files, unfinished lines, bytes of every kind, lines of any length."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from eventsrc import limits
from tests.conformance.follower import Memory, append, following, log_is_quiet, numbered, overwrite, read_once, rotate


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


# --- 4. short files, same beginnings -------------------------------------------------------------------------------


async def test_a_file_shorter_than_its_fingerprint_grows_and_stays_the_same_file(path: Path, log: Memory) -> None:
    for number in range(1, 300):
        append(path, *numbered(number, number))
        if number % 50 == 1:
            await read_once(log, path)
    await read_once(log, path)
    assert os.stat(path).st_size > limits.FINGERPRINT_BYTES
    assert log.lines == numbered(1, 299)
    assert log.notices == []


async def test_two_files_with_the_same_first_lines_are_two_files(tmp_path: Path, log: Memory) -> None:
    same = [b'{"head":"%s"}' % (b"h" * 2 * limits.FINGERPRINT_BYTES)]
    append(tmp_path / "a.jsonl", *same, *numbered(1, 2))
    append(tmp_path / "b.jsonl", *same, *numbered(3, 4))
    report = await read_once(log, tmp_path)
    assert sorted(log.lines) == sorted([*same, *numbered(1, 2), *same, *numbered(3, 4)])
    assert (report.files, report.read) == (2, 6)


async def test_an_empty_file_and_its_first_bytes_give_nothing_until_a_line_is_complete(path: Path, log: Memory) -> None:
    overwrite(path, b"")
    async with following(log, path) as source:
        with path.open("ab", buffering=0) as file:
            for byte in b'{"n":1}':
                file.write(bytes([byte]))
                await log_is_quiet(source)
            assert log.lines == []
            file.write(b"\n")
            await log.until_lines(1)
    assert log.lines == numbered(1, 1)


# --- 5. the last line ----------------------------------------------------------------------------------------------


async def test_a_last_line_without_newline_is_left_and_reported(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 2))
    with path.open("ab") as file:
        file.write(b'{"n":')
    report = await read_once(log, path)
    assert log.lines == numbered(1, 2)
    assert report.unfinished == {str(path): 5}


async def test_a_last_line_completed_later_is_one_record(path: Path, log: Memory) -> None:
    overwrite(path, b'{"n":')
    await read_once(log, path)
    append(path, b"1}")
    await read_once(log, path)
    assert log.lines == numbered(1, 1)


async def test_a_last_line_completed_after_rotation_is_one_record(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 1))
    async with following(log, path) as source:
        await log.until_lines(1)
        with path.open("ab", buffering=0) as writer:
            writer.write(b'{"n":')
            rotate(path)
            append(path, *numbered(3, 3))
            await log.until_lines(2)
            await log_is_quiet(source)
            writer.write(b"2}\n")
            await log.until_lines(3)
    assert sorted(log.lines) == numbered(1, 3)


# --- 6. bytes ------------------------------------------------------------------------------------------------------

ODD = [
    "é\u2028\U0001f600".encode(),
    b'{"a":1}\r',
    b"\x00\x00{}\x00",
    b"\xff\xfe\xc3(",
    b"\xef\xbb\xbf{}",
    b'{"a":1}{"b":2}',
    b" ",
]


async def test_bytes_are_passed_as_they_are(path: Path, log: Memory) -> None:
    append(path, *ODD)
    await read_once(log, path)
    assert log.lines == ODD


async def test_bytes_split_over_any_two_reads_are_the_same(path: Path, log: Memory) -> None:
    content = b"".join(line + b"\n" for line in ODD)
    for cut in range(1, len(content)):
        part = Memory()
        overwrite(path, content[:cut])
        await read_once(part, path)
        with path.open("ab") as file:
            file.write(content[cut:])
        await read_once(part, path)
        assert part.lines == ODD


async def test_empty_lines_are_counted_and_passed(path: Path, log: Memory) -> None:
    append(path, b"", *numbered(1, 1), b"\r", b"", *numbered(2, 2), b"")
    report = await read_once(log, path)
    assert (log.lines, report.blank, report.unfinished) == (numbered(1, 2), 4, {})
    append(path, *numbered(3, 3))
    report = await read_once(log, path)
    assert (log.lines, report.known, report.read) == (numbered(1, 3), 2, 1)


# --- 7. long lines -------------------------------------------------------------------------------------------------


async def test_a_line_of_several_megabytes_is_one_record(path: Path, log: Memory) -> None:
    long = b'"%s"' % (b"x" * (limits.RECORD_BYTES - 2))
    append(path, b"1", long, b"2")
    await read_once(log, path)
    assert log.lines == [b"1", long, b"2"]


async def test_a_line_beyond_the_limit_leaves_a_stub_and_the_file_goes_on(path: Path, log: Memory) -> None:
    long = b"x" * (limits.RECORD_BYTES + 1)
    append(path, b"1", long, b"2")
    report = await read_once(log, path)
    assert log.lines == [b"1", b"2"]
    facts = log.notice("oversize")
    assert (facts["offset"], facts["length"]) == (2, len(long))
    assert facts["sha256"] == hashlib.sha256(long).hexdigest()
    assert report.oversize == 1
    report = await read_once(log, path)
    assert (log.notices, report.known, report.read) == (["oversize"], 3, 0)


async def test_a_line_of_96_megabytes_takes_no_memory(path: Path, log: Memory) -> None:
    with path.open("wb") as file:
        file.truncate(96 * limits.MIB)  # zeros, without a byte on the disk
    append(path, b"", b"2")
    tracemalloc.start()
    try:
        await read_once(log, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert log.notice("oversize")["length"] == 96 * limits.MIB
    assert log.lines == [b"2"]
    assert peak < 24 * limits.MIB


async def test_an_endless_line_is_looked_through_once(path: Path, log: Memory) -> None:
    overwrite(path, b"x" * 3 * limits.MIB)
    async with following(log, path) as source:
        await log_is_quiet(source)
        for _ in range(20):
            with path.open("ab") as file:
                file.write(b"x" * 100)
            await log_is_quiet(source)
        assert source.work.bytes_read <= 4 * limits.MIB
        append(path, b"")
        await log.until_lines(1)
    assert len(log.lines[0]) == 3 * limits.MIB + 2000
