"""What it means for a reader of the log that the operating system refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsrc.errors import LogUnreadable, TryAgain


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises, in place of an OSError, `TryAgain` when there are too many open files, and else `LogUnreadable`."""
    try:
        yield
    except OSError as error:
        where, reason = str(error.filename or path), error.strerror or str(error)
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise TryAgain(reason=f"{where}: {reason}") from error
        raise LogUnreadable(path=where, reason=reason) from error


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of a file of the log, for reading; whatever is refused is told as by `reading`."""
    with reading(path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)
