"""Many files in deep trees: what looking costs, counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eventsrc import limits
from eventsrc.source.folder import Follow
from eventsrc.source.pattern import roots
from eventsrc.source.place import Volumes
from eventsrc.source.tree import Tree
from eventsrc.source.work import Work
from tests.conformance.follower import Memory, append, eventually, following, log_is_quiet, numbered, read_once

PER_FOLDER = 10


def plant(root: Path, files: int) -> None:
    """Files three levels deep, ten in a folder."""
    for folder in range(files // PER_FOLDER):
        below = root / f"project-{folder % 30}" / f"{folder:08x}" / "subagents"
        below.mkdir(parents=True)
        for file in range(PER_FOLDER):
            (below / f"agent-{file:016x}.jsonl").write_bytes(b'{"n":1}\n')


@pytest.fixture(params=[pytest.param(300), pytest.param(15_000, marks=pytest.mark.slow)])
def planted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int]:
    plant(tmp_path, request.param)
    return tmp_path, request.param


async def test_a_warm_pass_opens_and_reads_nothing(planted: tuple[Path, int]) -> None:
    root, count = planted
    log = Memory()
    report = await read_once(log, root)
    assert (report.files, report.read) == (count, count)
    warm = Follow([root], log.cursor, once=True)
    await warm.run(log.deliver)
    assert (warm.work.opens, warm.work.reads, warm.work.bytes_read) == (0, 0, 0)
    assert (warm.report.known, warm.report.read) == (count, 0)
    assert warm.work.stats == count


async def test_following_files_that_do_not_change_only_asks_for_sizes(planted: tuple[Path, int]) -> None:
    root, count = planted
    log = Memory()
    await read_once(log, root)
    async with following(log, root) as source:
        await log_is_quiet(source)
        append(root / "project-0" / "00000000" / "subagents" / f"agent-{0:016x}.jsonl", *numbered(2, 2))
        await log.until_lines(count + 1)
        await log_is_quiet(source)
        assert (source.work.opens, source.work.bytes_read) == (1, 8)


def test_with_hints_an_idle_look_asks_for_a_share_of_the_sizes(planted: tuple[Path, int]) -> None:
    root, count = planted
    work = Work()
    tree = Tree(roots([root]), Volumes(), work, lambda inode: False)
    tree.look()
    work.looks += limits.HOT_LOOKS  # as many looks later nothing is hot any more
    before = start = work.stats
    for _ in range(limits.COLD_LOOKS):
        assert tree.look_some().seen == []
        assert work.stats - before <= count / limits.COLD_LOOKS + PER_FOLDER
        before = work.stats
    assert work.stats - start == count


def test_every_folder_is_looked_at_again_after_a_few_idle_looks(tmp_path: Path) -> None:
    plant(tmp_path, 300)
    tree = Tree(roots([tmp_path]), Volumes(), Work(looks=0), lambda inode: False)
    tree.look()
    paths = sorted(tmp_path.rglob("*.jsonl"))
    for path in paths:
        append(path, *numbered(2, 2))
    seen = [seen.path for _ in range(limits.COLD_LOOKS + 1) for seen in tree.look_some().seen]
    assert sorted(seen) == [str(path) for path in paths]


def test_files_that_appear_and_vanish_within_one_look_do_no_harm(tmp_path: Path) -> None:
    plant(tmp_path, 100)
    work = Work()
    tree = Tree(roots([tmp_path]), Volumes(), work, lambda inode: False)
    real = os.scandir

    def vanishing(path: str) -> object:
        listing = real(path)
        entries = list(listing)
        for entry in entries:
            if entry.name.endswith("5.jsonl"):
                os.unlink(entry.path)
        return _Listing(entries)

    os.scandir = vanishing  # type: ignore[assignment]
    try:
        look = tree.look()
    finally:
        os.scandir = real
    assert len(look.seen) == 90
    assert look.problems == {}
    assert tree.look().gone == []


class _Listing:
    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = entries

    def __enter__(self) -> list[os.DirEntry[str]]:
        return self._entries

    def __exit__(self, *reason: object) -> None:
        return None


async def test_a_folder_that_is_deleted_and_comes_back_is_followed_on(tmp_path: Path) -> None:
    log = Memory()
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    append(folder / "a.jsonl", *numbered(1, 1))
    async with following(log, tmp_path) as source:
        await log.until_lines(1)
        (tmp_path / "deep").rename(tmp_path.parent / f"{tmp_path.name}-aside")
        await eventually(lambda: not source.positions())
        (tmp_path.parent / f"{tmp_path.name}-aside").rename(tmp_path / "deep")
        append(folder / "a.jsonl", *numbered(2, 2))
        await log.until_lines(2)
    assert log.lines == numbered(1, 2)


async def test_never_more_descriptors_are_kept_than_the_limit(tmp_path: Path) -> None:
    plant(tmp_path, 300)
    log = Memory()
    async with following(log, tmp_path) as source:
        await log.until_lines(300)
        await log_is_quiet(source)
        held = sum(1 for fd in os.listdir("/proc/self/fd") if _leads_to(fd, str(tmp_path)))
        assert 0 < held <= limits.OPEN_FILES


def _leads_to(fd: str, folder: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith(folder)
    except OSError:
        return False
