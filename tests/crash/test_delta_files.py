"""Files of streamed blocks, killed at every step of every batch: no byte twice, none missing, files as rows say."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.plugin import ReadModelDamaged
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.feed import Feed
from eventsrc.projector.store import Store
from eventsrc.testing.generate import generate_sse_lines
from projections.deltas import Deltas
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, Rows, rows

pytestmark = pytest.mark.crash
BATCH = 11
"""Events of a batch: blocks go on over several, and several blocks are in one."""


def _events() -> list[Event]:
    formats = Formats.load()
    records = [Record("file:///sse.jsonl", line, str(number)) for number, line in enumerate(generate_sse_lines(150, 4))]
    return [event_of(record, formats.recognise(record), position=at) for at, record in enumerate(records, 1)]


EVENTS = _events()


def opened(folder: Path) -> ReadModel:
    """The read model in a folder, made when it is new, as a start after a crash opens it."""
    path = folder / "deltas-1.db"
    if not path.exists():
        folder.mkdir(parents=True)
        Store.create(path, Deltas).finish(SystemDisk())
    feed = Feed(lambda: (ListLog(EVENTS), Formats.load(), join), workers=0)
    model = ReadModel(Store.open(path, Deltas), feed, str(folder / "files"))
    model.recover()
    return model


def live(model: ReadModel) -> None:
    """Batch after batch to the end."""
    while model.position < len(EVENTS):
        model.advance(min(model.position + BATCH, len(EVENTS)))
    model.close()
    model.store.close()


def tree(folder: Path) -> dict[str, bytes]:
    """Path → content, paths as rows spell them."""
    found = (path for path in (folder / "files").rglob("*") if path.is_file())
    return {f"deltas/{path.relative_to(folder / 'files')}": path.read_bytes() for path in found}


def counted(folder: Path) -> dict[str, int]:
    """Path → bytes, as the committed rows say."""
    with closing(sqlite3.connect(folder / "deltas-1.db")) as connection:
        return dict(connection.execute("SELECT path, bytes FROM files").fetchall())


@contextmanager
def stepping(step: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`step` is called before and after every append, in the middle of it, and around every commit."""
    write, commit = os.write, Store.commit

    def torn(fd: int, data: memoryview) -> int:
        step()
        half = write(fd, data[: len(data) // 2])
        step()
        done = half + write(fd, data[half:])
        step()
        return done

    def committing(store: Store, *given: Any, **named: Any) -> None:
        step()
        commit(store, *given, **named)
        step()

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", torn)
        patch.setattr(Store, "commit", committing)
        yield


def killed_at(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Lives in a process of its own that is killed at its n-th step; False when it came to its end before."""
    child = os.fork()
    if child == 0:
        left = number

        def step() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        with stepping(step, monkeypatch):
            live(opened(folder))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, dict[str, bytes]]:
    """The rows and files of a life without a crash."""
    folder = tmp_path_factory.mktemp("undisturbed") / "life"
    live(opened(folder))
    return rows(folder / "deltas-1.db"), tree(folder)


@pytest.mark.timeout(600)
def test_killed_at_every_step_files_and_rows_agree_after_the_start_and_nothing_is_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[Rows, dict[str, bytes]]
) -> None:
    number, ahead = 0, 0
    killed = True
    while killed:
        number += 1
        folder = tmp_path / str(number)
        killed = killed_at(number, folder, monkeypatch)
        before = {path: len(data) for path, data in tree(folder).items()}
        ahead += before != counted(folder)
        model = opened(folder)
        assert {path: len(data) for path, data in tree(folder).items()} == counted(folder), number
        live(model)
        assert (rows(folder / "deltas-1.db"), tree(folder)) == undisturbed, number
    assert number > 50 and ahead > 10, "the kills hit nothing"


@pytest.mark.timeout(300)
def test_killed_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[Rows, dict[str, bytes]]
) -> None:
    lives = 0
    while killed_at(41, tmp_path / "life", monkeypatch):
        lives += 1
        assert lives < 1_000, "it does not get anywhere"
    assert lives > 3
    assert (rows(tmp_path / "life/deltas-1.db"), tree(tmp_path / "life")) == undisturbed


def test_a_file_cut_anywhere_is_never_taken_for_whole(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    live(opened(folder))
    path, data = max(tree(folder).items(), key=lambda pair: len(pair[1]))
    place = folder / "files" / path.removeprefix("deltas/")
    for length in range(len(data)):
        place.write_bytes(data[:length])
        with pytest.raises(ReadModelDamaged):
            opened(folder)
    for length in range(1, 50):
        place.write_bytes(data + b"x" * length)
        opened(folder).close()
        assert place.read_bytes() == data
