"""Files that are rotated, truncated, copied, rewritten, and inode numbers that come again."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from eventsrc import limits
from tests.conformance.follower import (
    Memory,
    append,
    copy_truncate,
    following,
    log_is_quiet,
    numbered,
    overwrite,
    read_once,
    rotate,
)


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


# --- 1. rotated by rename + create ---------------------------------------------------------------------------------


async def test_a_file_rotated_while_reading_is_read_to_its_end(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    async with following(log, path):
        await log.until_lines(3)
        append(path, *numbered(4, 5))
        rotate(path)
        append(path, *numbered(6, 7))
        await log.until_lines(7)
    assert log.lines == numbered(1, 7)
    assert log.notice("rotated") == {
        "path": str(path),
        "file": log.records[0].id.split(".")[0],
        "now": f"{path}.1",
        "read_bytes": 40,
    }


async def test_a_file_rotated_while_down_is_read_to_its_end(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    await read_once(log, path)
    append(path, *numbered(4, 5))
    rotate(path)
    append(path, *numbered(6, 7))
    await read_once(log, path)
    assert log.lines == numbered(1, 7)
    assert log.notices == ["rotated"]
    await read_once(log, path)
    assert log.lines == numbered(1, 7)


@pytest.mark.parametrize("down", [True, False])
async def test_a_file_rotated_twice_between_two_looks_loses_nothing(path: Path, log: Memory, down: bool) -> None:
    def twice() -> None:
        append(path, *numbered(4, 5))
        rotate(path, ".2")
        append(path, *numbered(6, 7))
        rotate(path, ".1")
        append(path, *numbered(8, 9))

    append(path, *numbered(1, 3))
    if down:
        await read_once(log, path)
        twice()
        await read_once(log, path)
    else:
        async with following(log, path):
            await log.until_lines(3)
            twice()  # without giving the source a turn
            await log.until_lines(9)
    assert log.lines == numbered(1, 9)


async def test_rotated_files_from_before_the_first_start_are_left_alone(path: Path, log: Memory) -> None:
    append(Path(f"{path}.1"), *numbered(1, 3))
    append(path, *numbered(4, 5))
    await read_once(log, path)
    assert log.lines == numbered(4, 5)


async def test_a_rotated_and_deleted_file_is_read_to_its_end(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    async with following(log, path):
        await log.until_lines(3)
        append(path, *numbered(4, 5))
        os.unlink(path)
        append(path, *numbered(6, 7))
        await log.until_lines(7)
    assert log.lines == numbered(1, 7)


# --- 2. copytruncate -----------------------------------------------------------------------------------------------


async def test_copytruncate_while_reading_loses_and_repeats_nothing(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    async with following(log, path):
        await log.until_lines(3)
        append(path, *numbered(4, 5))
        copy_truncate(path)  # 4 and 5 are only in the copy
        append(path, *numbered(6, 7))
        await log.until_lines(7)
    assert log.lines == numbered(1, 7)
    assert sorted(log.notices) == ["copied", "truncated"] or sorted(log.notices) == ["copied", "rewritten"]


async def test_copytruncate_while_down_loses_and_repeats_nothing(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    await read_once(log, path)
    append(path, *numbered(4, 5))
    copy_truncate(path)
    await read_once(log, path)
    append(path, *numbered(6, 7))
    await read_once(log, path)
    assert log.lines == numbered(1, 7)
    assert log.notices == ["copied", "truncated"]


async def test_a_file_truncated_and_grown_past_the_old_cursor_is_read_from_its_beginning(
    path: Path, log: Memory
) -> None:
    append(path, *numbered(1, 3))
    await read_once(log, path)
    os.truncate(path, 0)
    append(path, *numbered(10, 19))
    await read_once(log, path)
    assert log.lines == numbered(1, 3) + numbered(10, 19)
    assert log.notices == ["rewritten"]


async def test_a_truncated_file_with_the_same_first_lines_is_noticed_by_what_stands_before_the_cursor(
    path: Path, log: Memory
) -> None:
    head = [b'{"head":"%s"}' % (b"h" * limits.FINGERPRINT_BYTES)]
    append(path, *head, *numbered(100, 199))
    await read_once(log, path)
    os.truncate(path, 0)
    append(path, *head, *numbered(200, 399))
    await read_once(log, path)
    assert log.lines == head + numbered(100, 199) + head + numbered(200, 399)
    assert log.notices == ["rewritten"]


async def test_a_truncated_file_keeps_its_first_lines_as_a_new_generation(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 9))
    await read_once(log, path)
    os.truncate(path, 16)
    await read_once(log, path)
    assert log.lines == numbered(1, 9) + numbered(1, 2)
    assert log.notice("truncated")["generation"] == 1


# --- 3. inodes -----------------------------------------------------------------------------------------------------


async def test_a_file_deleted_and_made_again_at_once_is_another_file(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 3))
    async with following(log, path):
        await log.until_lines(3)
        os.unlink(path)
        append(path, *numbered(4, 8))
        await log.until_lines(8)
    assert log.lines == numbered(1, 8)


@pytest.mark.parametrize("name", ["app.jsonl", "other.jsonl"])
async def test_an_inode_that_is_used_again_is_another_file(tmp_path: Path, log: Memory, name: str) -> None:
    append(tmp_path / "app.jsonl", *numbered(1, 3))
    await read_once(log, tmp_path)
    other = tmp_path / name
    (tmp_path / "app.jsonl").unlink()
    for _ in range(50):  # the file system gives the number away again, mostly at once
        other.unlink(missing_ok=True)
        append(other, *numbered(4, 8))
        if f"f:{other.stat().st_ino:x}" in log.records[0].id.replace(log.records[0].id.split(":")[1] + ":", ""):
            break
    await read_once(log, tmp_path)
    assert log.lines == numbered(1, 8)


async def test_a_renamed_file_goes_on_where_it_was(tmp_path: Path, log: Memory) -> None:
    append(tmp_path / "a.jsonl", *numbered(1, 3))
    async with following(log, tmp_path):
        await log.until_lines(3)
        (tmp_path / "deep").mkdir()
        (tmp_path / "a.jsonl").rename(tmp_path / "deep" / "b.jsonl")
        append(tmp_path / "deep" / "b.jsonl", *numbered(4, 5))
        await log.until_lines(5)
    assert log.lines == numbered(1, 5)
    assert log.notices == []
    assert log.records[-1].source.endswith("/deep/b.jsonl")


async def test_a_vanished_file_is_recorded_once(tmp_path: Path, log: Memory) -> None:
    append(tmp_path / "a.jsonl", *numbered(1, 3))
    async with following(log, tmp_path) as source:
        await log.until_lines(3)
        (tmp_path / "a.jsonl").unlink()
        await log.until_notice("vanished")
        assert log.notice("vanished")["unread_bytes"] == 0
        await anyio.wait_all_tasks_blocked()
        assert source.positions() == []
    assert log.notices == ["vanished"]


# --- 12. rewritten in place ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["in place", "replaced"])
@pytest.mark.parametrize("down", [True, False])
async def test_a_rewritten_file_is_recorded_as_such_and_never_spliced(
    path: Path, log: Memory, down: bool, how: str
) -> None:
    def rewrite() -> None:
        target = path if how == "in place" else path.with_suffix(".tmp")
        target.write_bytes(b'{"summary":1}\n' + b"".join(line + b"\n" for line in numbered(3, 9)))
        if how == "replaced":
            target.replace(path)

    append(path, *numbered(1, 5))
    if down:
        await read_once(log, path)
        rewrite()
        await read_once(log, path)
    else:
        async with following(log, path):
            await log.until_lines(5)
            rewrite()
            await log.until_lines(13)
    assert log.lines == [*numbered(1, 5), b'{"summary":1}', *numbered(3, 9)]
    if how == "in place":
        assert log.notices == ["rewritten"]
        assert log.notice("rewritten")["read_records"] == 5


async def test_a_rewrite_of_the_same_length_is_noticed(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 5))
    await read_once(log, path)
    overwrite(path, b"".join(line + b"\n" for line in numbered(5, 9)))
    await read_once(log, path)
    assert log.lines == numbered(1, 5) + numbered(5, 9)


async def test_a_rewrite_of_the_same_length_is_noticed_while_following(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 5))
    async with following(log, path) as source:
        await log.until_lines(5)
        await log_is_quiet(source)
        overwrite(path, b"".join(line + b"\n" for line in numbered(5, 9)))
        os.utime(path, ns=(0, 1))  # whatever the clock's tick is
        await log.until_lines(10)
    assert log.lines == numbered(1, 5) + numbered(5, 9)


async def test_a_file_renamed_to_a_name_that_nothing_matches_is_followed_on(path: Path, log: Memory) -> None:
    append(path, *numbered(1, 2))
    async with following(log, path) as source:
        await log.until_lines(2)
        aside = path.with_name("aside")
        os.rename(path, aside)
        await log_is_quiet(source, looks=5)
        append(aside, *numbered(3, 4))
        await log.until_lines(4)
    assert log.notices == []
