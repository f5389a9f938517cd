"""Many files in deep trees: what looking costs, counted."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from eventsrc import limits
from eventsrc.source.block import Moved
from eventsrc.source.file import Files
from eventsrc.source.folder import Follow
from eventsrc.source.outbox import Outbox
from eventsrc.source.pattern import roots
from eventsrc.source.place import Volumes
from eventsrc.source.ready import Ready
from eventsrc.source.step import Step, step_through
from eventsrc.source.tail import Tail
from eventsrc.source.tree import Seen, Tree
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


async def test_files_with_little_to_read_share_a_hop_to_a_thread(tmp_path: Path) -> None:
    plant(tmp_path, 300)
    log = Memory()
    source = Follow([tmp_path], log.cursor, once=True)
    await source.run(log.deliver)
    assert len(log.lines) == source.work.reads == 300
    assert source.work.hops <= 300 / limits.TURN_FILES + limits.READING_FILES


def test_what_befalls_one_file_of_a_turn_is_no_matter_to_the_others(tmp_path: Path) -> None:
    volumes = Volumes()
    tails = {name: tail_of(tmp_path / name, volumes) for name in ("gone", "other", "endless", "well")}
    Path(tails["gone"].path).unlink()
    append(tmp_path / "new", *numbered(1, 9))
    (tmp_path / "new").rename(tails["other"].path)
    Path(tails["endless"].path).unlink()
    Path(tails["endless"].path).symlink_to(tails["endless"].path)
    found = step_through(list(tails.values()), volumes, Work())
    gone, other, endless, well = [one and one.step for one in found]
    assert isinstance(gone, FileNotFoundError) and isinstance(other, Moved) and isinstance(endless, OSError)
    assert isinstance(well, Step) and [len(batch.records) for batch in well.batches] == [3]
    for tail in tails.values():
        tail.close()


def test_a_turn_ends_when_a_block_was_read(tmp_path: Path) -> None:
    volumes, work = Volumes(), Work()
    grown, next_one, last = (tail_of(tmp_path / name, volumes) for name in ("grown", "next", "last"))
    append(Path(grown.path), *[b"x" * 1_000] * (3 * limits.BATCH_BYTES // 1_000))
    first, *left = step_through([next_one, grown, last], volumes, work)
    found, *left = left
    assert first is not None and found is not None and left == [None]
    assert isinstance(found.step, Step) and found.step.more
    assert work.bytes_read <= limits.BATCH_BYTES + next_one.size
    for tail in (grown, next_one):
        tail.close()


async def test_a_turn_is_one_file_or_some_of_few_lines(tmp_path: Path) -> None:
    ready, half = Ready(), limits.BATCH_BYTES // 2
    sizes = [half, half, 1, 2 * limits.BATCH_BYTES, 2, 3, 4, *[1] * limits.TURN_FILES, 1]
    for number, size in enumerate(sizes):
        ready.put(Tail(Seen(f"/{number}", f"f:1:{number}", number, size, 1, whole=size in (3, 4)), None))
    expected = [[half, half], [1], [2 * limits.BATCH_BYTES], [2], [3], [4], [1] * limits.TURN_FILES, [1]]
    with anyio.fail_after(5):
        assert [[tail.size for tail in await ready.take()] for _ in expected] == expected


async def test_what_was_found_where_the_file_stands_no_more_is_not_handed_over(tmp_path: Path) -> None:
    volumes, log = Volumes(), Memory()
    files = Files(volumes, Work(), Outbox(log.deliver, lambda tail, records, before: None))
    turn = [tail_of(tmp_path / name, volumes) for name in ("a", "b")]
    found, _ = await files.look(turn)
    assert await files.visit(turn[0]) == await files.visit(turn[0], found) == "end"
    assert log.lines == numbered(1, 3)
    files.close()
    turn[1].close()


def tail_of(path: Path, volumes: Volumes) -> Tail:
    """A file of three lines, seen and not read yet."""
    append(path, *numbered(1, 3))
    found = path.stat()
    key = volumes.key(found.st_dev, found.st_ino, str(path))
    return Tail(Seen(str(path), key, found.st_ino, found.st_size, found.st_mtime_ns), None)


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
