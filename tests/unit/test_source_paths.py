"""Paths that change, refuse or are missed."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.event import Record
from eventsrc.source.block import Moved, open_file
from eventsrc.source.place import Place, Volumes, written
from eventsrc.source.work import Work
from tests.conformance.follower import Memory, append, following, log_is_quiet, numbered, read_once


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


# --- 8. paths that change ------------------------------------------------------------------------------------------


async def test_a_symlink_swapped_to_another_target_is_followed_there(tmp_path: Path, log: Memory) -> None:
    append(tmp_path / "one", *numbered(1, 2))
    append(tmp_path / "two", *numbered(4, 5))
    link = tmp_path / "now.jsonl"
    link.symlink_to(tmp_path / "one")
    async with following(log, link):
        await log.until_lines(2)
        append(tmp_path / "one", *numbered(3, 3))
        (tmp_path / "next").symlink_to(tmp_path / "two")
        (tmp_path / "next").rename(link)
        await log.until_lines(5)
    assert log.lines == numbered(1, 5)


async def test_a_path_replaced_by_a_directory_is_named_and_the_others_go_on(tmp_path: Path, log: Memory) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    append(one, *numbered(1, 1))
    async with following(log, one, two):
        await log.until_lines(1)
        one.unlink()
        one.mkdir()
        append(two, *numbered(2, 2))
        await log.until_lines(2)
        await log.until_notice("unreadable")
        one.rmdir()
        append(one, *numbered(3, 3))
        await log.until_lines(3)
        await log.until_notice("readable")
    assert log.notice("unreadable") == {"path": str(one), "reason": "is a directory"}
    assert log.lines == numbered(1, 3)


@pytest.fixture
def as_someone_else() -> Iterator[Path]:
    """A folder of a user for whom permissions count; permissions do not stop root."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        yield folder
        os.seteuid(0)
    else:
        yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_permission_withdrawn_and_given_back_loses_nothing(
    as_someone_else: Path, log: Memory, what: str
) -> None:
    folder = as_someone_else / "private"
    folder.mkdir()
    path, other = folder / "a.jsonl", as_someone_else / "b.jsonl"
    append(path, *numbered(1, 2))
    closed = path if what == "file" else folder
    await read_once(log, as_someone_else)
    with path.open("ab", buffering=0) as writer:
        mode = closed.stat().st_mode
        closed.chmod(0)
        async with following(log, as_someone_else):
            writer.write(b'{"n":3}\n')
            append(other, *numbered(4, 4))
            await log.until_notice("unreadable")
            await log.until_lines(3)
            assert log.notice("unreadable") == {"path": str(closed), "reason": "Permission denied"}
            closed.chmod(mode)
            await log.until_lines(4)
    assert sorted(log.lines) == numbered(1, 4)
    assert log.notices == ["unreadable", "readable"]


async def test_running_out_of_descriptors_is_named_and_passes(tmp_path: Path, log: Memory) -> None:
    append(tmp_path / "a.jsonl", *numbered(1, 1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with following(log, tmp_path) as source:
        await log.until_lines(1)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            await log.until_notice("unreadable")
            await log_is_quiet(source)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        append(tmp_path / "b.jsonl", *numbered(2, 2))
        await log.until_lines(2)
    assert log.notice("unreadable")["reason"] == "Too many open files"
    assert log.lines == numbered(1, 2)


# --- 9. cursors that do not fit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "kind"), [(10_000, "truncated"), (3, "rewritten")])
async def test_a_cursor_beyond_the_end_or_within_a_line_begins_anew(
    path: Path, log: Memory, offset: int, kind: str
) -> None:
    append(path, *numbered(1, 3))
    first = Memory()
    await read_once(first, path)
    key = first.records[0].id.split(".")[0]
    wrong = Place(key, offset=offset, records=7, anchor_length=3, anchor_hash="0123456789abcdef")
    await log.deliver([Record("file:///x", b"", "earlier", cursor=written(wrong))])
    await read_once(log, path)
    assert log.lines[1:] == numbered(1, 3)
    assert log.notices == [kind]


# --- 10. hints ---------------------------------------------------------------------------------------------------


async def test_a_missed_hint_is_found_by_a_periodic_look(tmp_path: Path, log: Memory) -> None:
    async with following(log, tmp_path, hints=False):
        append(tmp_path / "a.jsonl", *numbered(1, 1))
        await log.until_lines(1)
        append(tmp_path / "a.jsonl", *numbered(2, 2))
        await log.until_lines(2)
    assert log.lines == numbered(1, 2)


async def test_no_watch_to_be_had_leaves_it_to_the_looks(
    tmp_path: Path, log: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*folders: str, **options: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("eventsrc.source.watch.watch", refused)
    async with following(log, tmp_path, hints=True):
        append(tmp_path / "a.jsonl", *numbered(1, 1))
        await log.until_lines(1)
    assert log.lines == numbered(1, 1)


@pytest.mark.parametrize("instead", ["file", "pipe", "folder"])
def test_what_took_the_place_of_a_file_is_never_read_for_it(tmp_path: Path, instead: str) -> None:
    path, volumes = tmp_path / "a.jsonl", Volumes()
    append(path, b"1")
    found = os.stat(path)
    key = volumes.key(found.st_dev, found.st_ino, str(path))
    os.close(open_file(str(path), key, volumes, Work()))
    path.rename(tmp_path / "aside")
    {"file": path.touch, "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[instead]()
    with pytest.raises(Moved):
        open_file(str(path), key, volumes, Work())
