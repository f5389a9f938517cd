"""Rollouts that were packed: read once, whole, from unpacked bytes; what cannot be unpacked is refused and said so."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import anyio
import pytest
import zstandard

from eventsrc import limits
from eventsrc.source import file, packed
from eventsrc.source.folder import Follow
from eventsrc.source.place import read
from tests.conformance.follower import Memory, append, following, log_is_quiet, numbered, overwrite, read_once

NAME = "rollout-2026-11-01T09-00-00-t1.jsonl"


def content(*lines: bytes) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def pack(path: Path, *lines: bytes) -> Path:
    """The file, packed as the job that packs does: written aside, then renamed into place."""
    aside = path.with_name("unfinished")
    aside.write_bytes(zstandard.compress(content(*lines)))
    return aside.rename(f"{path}.zst")


async def test_lines_and_cursors_are_those_of_the_plain_file(tmp_path: Path) -> None:
    log, lines = Memory(), numbered(1, 3000)
    pack(tmp_path / NAME, *lines)
    report = await read_once(log, tmp_path)
    assert log.lines == lines and report.read == 3000 and report.unfinished == {}
    cursor = log.records[-1].cursor
    assert cursor is not None and read(cursor).offset == len(content(*lines)) == report.bytes
    assert {record.id.rpartition(":")[2] for record in log.records[:2]} == {"0", "8"}  # offsets in the unpacked bytes


async def test_it_is_not_read_again_by_later_runs(tmp_path: Path) -> None:
    log = Memory()
    pack(tmp_path / NAME, *numbered(1, 5))
    for _ in range(3):
        report = await read_once(log, tmp_path)
    assert (report.known, report.read) == (5, 0)
    assert log.lines == numbered(1, 5)


async def test_a_run_that_was_killed_in_the_middle_is_gone_on_with(tmp_path: Path) -> None:
    log, lines = Memory(), numbered(1, 100_000)  # several blocks
    pack(tmp_path / NAME, *lines)
    killed = Follow([tmp_path], log.cursor, once=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(killed.run, log.deliver)
        await log.until_lines(1)
        tasks.cancel_scope.cancel()
    assert len(log.lines) < len(lines)
    await read_once(log, tmp_path)
    assert log.lines == lines


@pytest.mark.parametrize("name", [NAME, "other.jsonl"])
async def test_only_what_nothing_else_packs_is_looked_for_in_folders(tmp_path: Path, name: str) -> None:
    log = Memory()
    path = pack(tmp_path / name, b"1")
    await read_once(log, tmp_path)
    assert log.lines == ([b"1"] if name == NAME else [])
    asked = Memory()
    await read_once(asked, path)
    assert asked.lines == [b"1"], "asked for by its name it is read"


async def test_while_the_plain_file_is_there_it_is_the_one_that_is_read(tmp_path: Path) -> None:
    log = Memory()
    append(tmp_path / NAME, *numbered(1, 3))
    pack(tmp_path / NAME, *numbered(1, 3))
    assert (await read_once(log, tmp_path)).files == 1
    assert log.lines == numbered(1, 3)


async def test_what_is_packed_while_it_is_followed_is_not_read_twice(tmp_path: Path) -> None:
    log = Memory()
    append(tmp_path / NAME, *numbered(1, 500))
    async with following(log, tmp_path) as source:
        await log.until_lines(500)
        pack(tmp_path / NAME, *numbered(1, 502))  # two lines more than were seen
        await log_is_quiet(source)
        (tmp_path / NAME).unlink()
        await log.until_lines(502)
        await log_is_quiet(source)
    assert log.lines == numbered(1, 502)
    assert "copied" in log.notices


def truncated(data: bytes) -> bytes:
    return data[:-9]


def flipped(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 0x40]) + data[-19:]


def not_packed(data: bytes) -> bytes:
    return b'{"plain": 1}\n'


@pytest.mark.parametrize("damage", [truncated, flipped, not_packed])
async def test_a_damaged_one_is_refused_as_a_whole_once_and_read_when_it_is_mended(
    tmp_path: Path, damage: object
) -> None:
    assert callable(damage)
    log, lines = Memory(), [os.urandom(30).hex().encode() for _ in range(1000)]
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(content(*lines))
    path = tmp_path / f"{NAME}.zst"
    overwrite(path, damage(whole))
    async with following(log, tmp_path) as source:
        await log.until_notice("unreadable")
        cost = source.work.bytes_read
        await log_is_quiet(source, looks=5)
        assert source.work.bytes_read == cost, "it is not unpacked again before it has changed"
        assert log.lines == [] and log.notices == ["unreadable"]
        assert "it cannot be unpacked" in str(log.notice("unreadable")["reason"])
        overwrite(path, whole)
        os.utime(path, ns=(1, 1))
        await log.until_lines(1000)
    assert log.lines == lines


async def test_each_is_unpacked_once_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "OPEN_FILES", limits.READING_FILES * (limits.TURN_FILES + 1))  # all but 4 are closed
    log, lines = Memory(), [b"%04d" % number * 25_000 for number in range(15)]  # two blocks
    for number in range(16):
        pack(tmp_path / f"rollout-2026-11-01T09-00-00-t{number}.jsonl", *lines)
    source = Follow([tmp_path], log.cursor, once=True)
    await source.run(log.deliver)
    assert len(log.lines) == 16 * len(lines)
    assert source.work.opens == 16


async def test_hints_of_nothing_unpack_nothing(tmp_path: Path) -> None:
    log = Memory()
    path, broken = pack(tmp_path / NAME, *numbered(1, 50)), tmp_path / "rollout-2026-11-01T09-00-00-t2.jsonl.zst"
    overwrite(broken, b"not packed")
    async with following(log, path, broken) as source:
        await log.until_lines(50)
        await log.until_notice("unreadable")
        cost = source.work.bytes_read
        for name in (path, broken):
            assert source._hint(str(name))  # as the watch would
        await log_is_quiet(source, looks=3)
        assert source.work.bytes_read == cost
    assert log.lines == numbered(1, 50) and log.notices == ["unreadable"]


async def test_a_bomb_is_refused_at_a_stated_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "UNPACKED_BYTES", 64 * limits.MIB)
    log, path = Memory(), tmp_path / f"{NAME}.zst"
    frame = zstandard.ZstdCompressor(level=1).compressobj()
    with path.open("wb") as file:
        for _ in range(100):
            file.write(frame.compress(bytes(limits.MIB)))
        file.write(frame.flush())
    report = await read_once(log, tmp_path)
    assert log.lines == []
    assert report.problems[str(path)] == "it has more than 67108864 bytes unpacked"


async def test_several_frames_are_one_file(tmp_path: Path) -> None:
    log = Memory()
    overwrite(
        tmp_path / f"{NAME}.zst", zstandard.compress(b'"a') + zstandard.compress(b'b"\n') + zstandard.compress(b"2\n")
    )
    await read_once(log, tmp_path)
    assert log.lines == [b'"ab"', b"2"]


async def test_the_unpacked_bytes_are_gone_when_they_are_read(tmp_path: Path) -> None:
    log = Memory()
    for number in range(5):
        pack(tmp_path / f"rollout-2026-11-01T09-00-00-t{number}.jsonl", *numbered(1, 3))
    before = open_files()
    async with following(log, tmp_path) as source:
        await log.until_lines(15)
        await log_is_quiet(source)
        assert not [name for name in open_files() - before if "(deleted)" in name]


def open_files() -> set[str]:
    """What the descriptors of this process lead to."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that the listing itself needs
            found.add(str(fd.readlink()))
    return found
