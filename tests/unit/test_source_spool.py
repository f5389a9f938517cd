"""A spool is emptied exactly once, in order, whoever put what there and whenever the service was killed."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Ticket
from eventsrc.clock import parse_time
from eventsrc.errors import DiskFull
from eventsrc.event import Appended, Record
from eventsrc.limits import BATCH_EVENTS, RECORD_BYTES, SPOOL_UNFINISHED_SECONDS
from eventsrc.source.spool import SURE_LOOKS, Spool
from eventsrc.source.spooled import SET_ASIDE

NOW = 1_768_039_200.0


class Log:
    """Takes batches; (source, id) is stored once. `refuse` so many batches first; `deaf`: never says durable."""

    def __init__(self, refuse: int = 0, deaf: bool = False) -> None:
        self.records: list[Record] = []
        self.batches = 0
        self.duplicates = 0
        self._refuse = refuse
        self._deaf = deaf

    async def deliver(self, records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        ticket: Ticket[Appended] = Ticket()
        self.batches += 1
        if self._refuse:
            self._refuse -= 1
            ticket.fail(DiskFull(path="/x", reason="no space"))
            return ticket
        known = {(one.source, one.id): one.data for one in self.records}
        for record in records:
            assert record.unique and known.get((record.source, record.id), record.data) == record.data
            if (record.source, record.id) in known:
                self.duplicates += 1
            else:
                self.records.append(record)
        if not self._deaf:
            ticket.set(Appended(()))
        return ticket


def put(folder: Path, name: str, data: bytes, age: float = 0.0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (NOW - age, NOW - age))
    return path


@asynccontextmanager
async def emptying(folder: Path, log: Log, looks: int = 1_000_000) -> AsyncIterator[Callable[[], int]]:
    """Runs a spool that looks as often as it can, at most so many times; gives how often it has slept."""
    slept = 0

    async def sleep(_seconds: float) -> None:
        nonlocal slept
        slept += 1
        await (anyio.sleep(0.001) if slept < looks else anyio.sleep_forever())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Spool(folder, lambda: NOW, sleep=sleep).run, log.deliver)
        yield lambda: slept
        tasks.cancel_scope.cancel()


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not true():  # noqa: ASYNC110 - files, and a log of the test: nothing could set an event
            await anyio.sleep(0.002)


async def test_what_lies_there_is_handed_over_oldest_first_and_removed(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    put(folder, "b.json", b'{"n":2}\n', age=1)
    put(folder, "a.json", b'{"n":1}', age=2)
    async with emptying(folder, log):
        await until(lambda: not list(folder.iterdir()))
    assert [one.data for one in log.records] == [b'{"n":1}', b'{"n":2}\n']
    assert [parse_time(one.time or "") for one in log.records] == [NOW - 2, NOW - 1]
    assert log.records[0].source == "urn:eventsrc:spool:spool" and log.batches == 1


async def test_what_comes_later_is_found_and_a_folder_need_not_exist_yet(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    async with emptying(folder, log) as looks:
        await until(lambda: looks() > 2)
        for number in range(3):
            put(folder, f".{number}", b"{}").rename(folder / f"{number}.json")
            await until(lambda number=number: len(log.records) == number + 1)  # type: ignore[misc]


async def test_a_file_that_was_recorded_and_not_removed_is_recognised(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    put(folder, "a.json", b"{}")
    async with emptying(folder, Log(deaf=True)):  # killed before it heard that it was durable
        await anyio.sleep(0.05)
    assert (folder / "a.json").exists()
    for _ in range(2):
        put(folder, "a.json", b"{}")
        async with emptying(folder, log):
            await until(lambda: not list(folder.iterdir()))
    assert (len(log.records), log.duplicates) == (1, 1)


async def test_one_name_with_other_content_is_another_record(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    async with emptying(folder, log):
        for data in (b'{"n":1}', b'{"n":2}'):
            put(folder, "a.json", data)
            await until(lambda: not list(folder.iterdir()))
    assert len({one.id for one in log.records}) == 2


async def test_a_full_disk_is_waited_for_and_nothing_is_removed_before(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log(refuse=3)
    put(folder, "a.json", b"{}")
    async with emptying(folder, log):
        await until(lambda: not list(folder.iterdir()))
    assert (log.batches, len(log.records)) == (4, 1)


async def test_many_files_travel_in_bounded_batches(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    for number in range(BATCH_EVENTS + 5):
        put(folder, f"{number:04}.json", b"%d" % number)
    async with emptying(folder, log):
        await until(lambda: not list(folder.iterdir()))
    assert [int(one.data) for one in log.records] == list(range(BATCH_EVENTS + 5))
    assert log.batches == 2


async def test_what_is_being_written_is_left_alone_and_what_never_was_finished_is_told(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    fresh = put(folder, ".young", b'{"ses', age=5)
    put(folder, ".old", b'{"session', age=SPOOL_UNFINISHED_SECONDS + 1)
    async with emptying(folder, log):
        await until(lambda: not (folder / ".old").exists())
    assert fresh.exists()
    (told,) = log.records
    assert told.envelope is not None and told.envelope.type == "eventsrc.source.unfinished"
    assert base64.b64decode(json.loads(told.data)["head_base64"]) == b'{"session'


async def test_a_record_too_large_leaves_a_stub_and_is_set_aside(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", Log()
    put(folder, "large.json", b"x" * (RECORD_BYTES + 1))
    async with emptying(folder, log):
        await until(lambda: (folder / SET_ASIDE / "large.json").exists())
    assert json.loads(log.records[0].data)["length"] == RECORD_BYTES + 1


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "other ending"])
async def test_what_is_no_record_is_nobodys_business(tmp_path: Path, kind: str) -> None:
    folder, log = tmp_path / "spool", Log()
    put(folder, "real.json", b"{}")
    match kind:
        case "link":
            (folder / "x.json").symlink_to("/etc/passwd")
        case "pipe":
            os.mkfifo(folder / "x.json")
        case "folder":
            (folder / "x.json").mkdir()
        case _:
            put(folder, "x.txt", b"{}")
    async with emptying(folder, log) as looks:
        await until(lambda: looks() > 5)
    assert [one.data for one in log.records] == [b"{}"]
    assert len(list(folder.iterdir())) == 1


async def test_a_folder_that_does_not_change_is_not_listed_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, listed = tmp_path / "spool", 0
    folder.mkdir()
    real = os.scandir

    def counted(path: Path) -> object:
        nonlocal listed
        listed += path == folder
        return real(path)

    monkeypatch.setattr(os, "scandir", counted)
    async with emptying(folder, Log(), looks=SURE_LOOKS + 20) as looks:
        await until(lambda: looks() >= SURE_LOOKS + 20)
    assert 3 <= listed <= 4


async def test_what_cannot_be_read_is_said_and_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, log = tmp_path / "spool", Log()
    put(folder, "locked.json", b"{}", age=9)
    put(folder, "open.json", b"[]")
    real = os.open

    def refusing(path: Path, *more: int) -> int:
        if str(path).endswith("locked.json"):
            raise PermissionError(13, "Permission denied")
        return real(path, *more)

    monkeypatch.setattr(os, "open", refusing)
    spool = Spool(folder, time.time, pace=0.001)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spool.run, log.deliver)
        await until(lambda: bool(log.records) and not (folder / "open.json").exists())
        tasks.cancel_scope.cancel()
    assert [one.data for one in log.records] == [b"[]"]
    assert spool.positions()[0].problem == "locked.json: Permission denied"
