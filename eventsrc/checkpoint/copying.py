"""Files copied durably, and read models copied consistently while they are being written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from eventsrc.checkpoint.meta import Copy, Files
from eventsrc.durable import Disk, write_all
from eventsrc.errors import CheckpointFailed
from eventsrc.limits import CHECKPOINT_PAGES, MIB

_ORDINARY = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) != 'sqlite_'"
)


def copy_database(source: Path, target: Path, disk: Disk, give_up: Callable[[], bool]) -> Copy:
    """A consistent copy of a live read model as one self-contained file, durable when this returns.

    The copy is one snapshot: writers go on meanwhile and are not waited for. Raises sqlite3.Error, OSError, and
    `CheckpointFailed` when `give_up` says so.
    """

    def look(_status: int, _remaining: int, _total: int) -> None:
        check(give_up)

    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as original,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        original.execute("BEGIN")
        original.execute("SELECT count(*) FROM position").fetchone()  # from here on it is one snapshot
        original.backup(copy, pages=CHECKPOINT_PAGES, progress=look, sleep=0)
        copy.execute("PRAGMA journal_mode = DELETE")  # no side files: the copy is the one file
        position, schema_version, rows = describe(copy)
    fd = disk.open(str(target), os.O_RDWR)
    try:
        disk.sync(fd)
    finally:
        disk.close(fd)
    generation = int(source.stem.rpartition("-")[2])
    return Copy(generation, position, target.stat().st_size, hash_file(target), schema_version, rows)


def describe(connection: sqlite3.Connection) -> tuple[int, int, dict[str, int]]:
    """(position, schema version, rows of each table) of a read model."""
    (position,) = connection.execute("SELECT coalesce(max(position), 0) FROM position").fetchone()
    (schema_version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    rows = {}
    for (name,) in connection.execute(_ORDINARY).fetchall():
        quoted = name.replace('"', '""')
        (rows[name],) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()
    return position, schema_version, dict(sorted(rows.items()))


def check(give_up: Callable[[], bool]) -> None:
    """Raises `CheckpointFailed` when it is time to give up."""
    if give_up():
        raise CheckpointFailed(reason="the service stops")


def never() -> bool:
    """Nobody asks to give up."""
    return False


def copy_tree(source: Path, target: Path, disk: Disk, give_up: Callable[[], bool] = never) -> Files | None:
    """Every file below `source`, durable when this returns; None when there is no such folder. Raises like
    `copy_database`.

    Files may grow meanwhile: a copy then holds more than its rows know of, which their projection expects anyway.
    """
    if not source.is_dir():
        return None
    disk.mkdir(str(target))
    folders = {target}
    for path in _below(source):
        check(give_up)
        to = target / path.relative_to(source)
        if to.parent not in folders:
            disk.mkdir(str(to.parent))
            folders |= {folder for folder in to.parents if folder.is_relative_to(target)}
        copy_file(path, to, disk)
    for folder in folders:
        disk.sync_directory(str(folder))
    return hash_tree(target)


def copy_file(source: Path, target: Path, disk: Disk) -> None:
    """One file, durable when this returns; its name is not until the directory is synced."""
    fd = disk.open(str(target), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with source.open("rb") as file:
            while part := file.read(MIB):
                write_all(disk, fd, part)
        disk.sync(fd)
    finally:
        disk.close(fd)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(MIB):
            digest.update(part)
    return digest.hexdigest()


def hash_tree(folder: Path) -> Files:
    """What `Files` says of a folder."""
    digest, count, size = sha256(), 0, 0
    for path in _below(folder):
        length = path.stat().st_size
        line = f"{path.relative_to(folder).as_posix()}\0{length}\0{hash_file(path)}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
        count, size = count + 1, size + length
    return Files(count, size, digest.hexdigest())


def _below(folder: Path) -> Iterator[Path]:
    """Regular files, sorted; symbolic links are neither followed nor copied."""
    return iter(sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()))
