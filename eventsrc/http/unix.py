"""Unix sockets at paths of any length.

An address holds about 108 bytes (104 on macOS), and data directories are often deeper. On Linux the directory is
opened and the socket named through `/proc/self/fd`; elsewhere a short symbolic link to the directory is made in the
system's folder for temporary files. Neither changes the working directory, which belongs to all threads.
"""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsrc.errors import LockHeld

SHORT = 100  # bytes that fit into an address everywhere
BACKLOG = 128
_PROC = Path("/proc/self/fd")


def bind_unix(path: Path) -> socket.socket:
    """A listening socket at `path` that only this user can open (mode 0600).

    A socket file that was left behind is replaced, but only when nobody answers on it. Raises `LockHeld` when somebody
    does, OSError when the directory cannot be used.
    """
    if path.exists() or path.is_symlink():
        _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            bound.bind(address)
            Path(address).chmod(0o600)  # nobody gets through before: it does not listen yet
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def connect_unix(path: Path, seconds: float | None = None) -> socket.socket:
    """A connection to the socket at `path`. Raises OSError: FileNotFoundError or ConnectionRefusedError when nobody
    listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        with _address(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _remove_stale(path: Path) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(f"{path} is there and is not a socket")
    try:
        connect_unix(path, 1.0).close()
    except (ConnectionRefusedError, FileNotFoundError):
        path.unlink(missing_ok=True)
    except TimeoutError:
        raise LockHeld(path=path, holder="a service that does not answer") from None
    else:
        raise LockHeld(path=path, holder="a service that answers on its socket")


@contextmanager
def _address(path: Path, proc: Path = _PROC) -> Iterator[str]:
    """`path`, or a shorter name of the same file that is valid inside the `with`."""
    if len(os.fsencode(path)) <= SHORT:
        yield str(path)
    elif proc.is_dir():
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"{proc}/{directory}/{path.name}"
        finally:
            os.close(directory)
    else:
        with tempfile.TemporaryDirectory(prefix="es", dir="/tmp") as folder:
            link = Path(folder, "d")
            link.symlink_to(path.parent.absolute())
            yield str(link / path.name)
