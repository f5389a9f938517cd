"""What the operating system refuses to a reader or a writer of the log is told by file and reason; nothing changes."""

from __future__ import annotations

import errno
import os
import resource
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventsrc.errors import EventsrcError, LogUnreadable, TryAgain
from eventsrc.log import LogReader, verify
from eventsrc.log.recovery import read_manifest
from eventsrc.log.scrub import check_sealed
from tests.kit.log import append, build, files, newest, notes, open_log, records

NOBODY = 65534

READS: dict[str, Callable[[Path], object]] = {
    "head": lambda data: LogReader(data).head(),
    "read": lambda data: LogReader(data).read(0, until=8),
    "stream": lambda data: list(LogReader(data).stream("s/1")),
    "chunks": lambda data: list(LogReader(data).chunks(0, 8)),
    "verify": verify,
    "scrub": lambda data: check_sealed(data / "log", read_manifest(data / "log").sealed[0]),
    "open": lambda data: open_log(data).close(),
}


@pytest.fixture
def data() -> Iterator[Path]:
    """Three segments, of which two are sealed, where another user gets to: pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        build(Path(folder) / "data", [1] * 8, segment_bytes=900)
        yield Path(folder) / "data"


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def as_nobody(work: Callable[[], object]) -> str:
    """What the work raised for somebody who may not read the log: the name and text of an error."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        try:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            work()
        except EventsrcError as error:
            os.write(theirs, f"{type(error).__name__}: {error}".encode())
        except OSError:
            os.write(theirs, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize("how", [how for how in READS if how != "open"])
def test_too_many_open_files_pass(data: Path, how: str) -> None:
    manifest = read_manifest(data / "log")
    with no_descriptors(), pytest.raises(TryAgain, match=r"data/log.*: Too many open files"):
        check_sealed(data / "log", manifest.sealed[0]) if how == "scrub" else READS[how](data)
    assert len(records(data)) == 8


@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize("what", ["folder", "segments", "manifest"])
def test_what_may_not_be_read_is_named(data: Path, how: str, what: str) -> None:
    before = files(data)
    paths = {
        "folder": [data / "log"],
        "segments": sorted((data / "log").glob("0*.jsonl")),
        "manifest": [data / "log/manifest.jsonl"],
    }[what]
    for path in (data, *data.rglob("*")):
        path.chmod(0o777)
    for path in paths:
        path.chmod(0)
    said = as_nobody(lambda: READS[how](data))
    for path in paths:
        path.chmod(0o700)
    unread = what == "manifest" and how in ("head", "read", "stream", "chunks")
    if unread:
        assert said == ""
    else:
        assert said.startswith(("LogUnreadable: ", "LogFailed: ")) and "Permission denied" in said, said
        assert str(data / "log") in said
    assert files(data) == before


def test_a_folder_in_the_place_of_a_segment_is_named(data: Path) -> None:
    path = newest(data)
    path.unlink()
    path.mkdir()
    with pytest.raises(LogUnreadable, match=f"{path}: Is a directory"):
        LogReader(data).read(0, until=8)


def test_the_writer_goes_on_when_there_are_descriptors_again(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=900)
    append(log, notes(1, 4))
    with no_descriptors(), pytest.raises(TryAgain) as caught:  # a full segment: the next one must be made
        append(log, notes(5, 1))
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.EMFILE
    append(log, notes(5, 1))
    log.close()
    assert len(records(tmp_path)) == 5 and verify(tmp_path).ok
