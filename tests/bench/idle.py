"""Following many files in which nothing happens: counted work, and the share of a core."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio

from eventsrc.actor import Ticket
from eventsrc.event import Appended, Record
from eventsrc.source import Follow
from eventsrc.source.pace import Pace
from tests.bench.material import Material
from tests.bench.running import PATIENCE, running
from tests.bench.table import Row

PER_FOLDER = 50
LOOKS = 3


def measure(material: Material) -> list[Row]:
    """What a look costs in system calls, and what the whole service costs while it waits."""
    sizes = material.sizes
    tree = _tree(material.place("tree"), sizes.idle_files)
    stats, opens, read = anyio.run(_looks, tree, sizes.idle_files)
    assert (opens, read) == (0, 0), "a file in which nothing happened was read again"
    with running(material.place("idle"), tree) as service:
        service.wait_for(sizes.idle_files)
        time.sleep(min(3.0, sizes.idle_seconds))  # what is left to do after the last file: hints, commits, views
        before = service.cpu()
        time.sleep(sizes.idle_seconds)
        share = 100 * (service.cpu() - before) / sizes.idle_seconds
        memory = service.memory()
    files = f"{sizes.idle_files:,} files"
    return [
        Row(f"idle with {files}: stat calls a look", stats, "calls", "files", float(sizes.idle_files)),
        Row(f"idle with {files}: files opened, bytes read", opens + read, "", "", 0.0, "0", opens + read == 0),
        Row(f"idle with {files}: one core", share, "%", "what is allowed", 0.5, "< 0.5 %", share < 0.5),
        Row(f"idle with {files}: memory", memory, "MiB"),
    ]


def _tree(root: Path, files: int) -> Path:
    for number in range(files):
        folder = root / f"project-{number // PER_FOLDER}"
        if number % PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{number}.jsonl").write_bytes(b'{"event":"nothing","number":%d}\n' % number)
    return root


async def _looks(tree: Path, files: int) -> tuple[float, int, int]:
    """(stat calls per look, files opened, bytes read) over some looks after everything was read once."""
    position = 0

    async def deliver(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        nonlocal position
        first = position + 1
        position += len(records)
        ticket: Ticket[Appended] = Ticket()
        ticket.set(Appended(tuple(range(first, position + 1))))
        return ticket

    follow = Follow([str(tree)], lambda _key: None, hints=False, pace=Pace(0.05, 0.05))
    async with anyio.create_task_group() as group:
        group.start_soon(follow.run, deliver)
        await _until(lambda: follow.work.records >= files)
        await _looked(follow, 2)
        looks, stats = follow.work.looks, follow.work.stats
        opens, read = follow.work.opens, follow.work.bytes_read
        await _looked(follow, LOOKS)
        done = follow.work.looks - looks
        counted = ((follow.work.stats - stats) / done, follow.work.opens - opens, follow.work.bytes_read - read)
        follow.stop()
    return counted


async def _looked(follow: Follow, times: int) -> None:
    until = follow.work.looks + times
    await _until(lambda: follow.work.looks >= until)


async def _until(reached: Callable[[], bool]) -> None:
    """The source counts and tells nobody, so it is asked."""
    with anyio.fail_after(PATIENCE):
        while not reached():  # noqa: ASYNC110
            await anyio.sleep(0.01)
