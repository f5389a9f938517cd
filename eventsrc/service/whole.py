"""Files that appear under their names when they are whole and durable, and not at all otherwise."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from eventsrc.durable import Disk
from eventsrc.errors import CannotWrite


@contextmanager
def whole_file(path: Path, disk: Disk) -> Iterator[BinaryIO]:
    """A file to write to. Raises `CannotWrite`."""
    temporary = f"{path}.tmp"
    with writing(path):
        with os.fdopen(disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            try:
                yield file
                file.flush()
                disk.sync(file.fileno())
            except BaseException:
                disk.unlink(temporary)
                raise
        disk.rename(temporary, str(path))
        disk.sync_directory(str(path.absolute().parent))


@contextmanager
def staging(path: Path, disk: Disk) -> Iterator[Path]:
    """A folder beside `path` for files on their way to it, on the same disk. It is gone afterwards; what a killed
    process left in it is gone before. Raises `CannotWrite`."""
    folder = path.absolute().parent / f".{path.absolute().name}.eventsrc-tmp"
    with writing(path):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def publish(files: Sequence[tuple[Path, Path]], disk: Disk) -> None:
    """Gives files their names, after all of them are durable: (where it is, where it belongs), all into one folder."""
    for staged, path in files:
        with writing(path):
            fd = disk.open(str(staged), os.O_RDWR)
            try:
                os.fchmod(fd, 0o600)  # what agents do is nobody else's business, whoever made the file
                disk.sync(fd)
            finally:
                disk.close(fd)
    for staged, path in files:
        with writing(path):
            disk.mkdir(str(path.absolute().parent))
            disk.rename(str(staged), str(path))
    for folder in {path.absolute().parent for _, path in files}:
        with writing(folder):
            disk.sync_directory(str(folder))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says about a file that cannot be written into eventsrc's words."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(path=path, reason=error.strerror or error) from error
