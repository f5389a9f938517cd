"""Making a checkpoint: beside a running service, complete or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from eventsrc.checkpoint.copying import copy_database, copy_tree
from eventsrc.checkpoint.meta import META, Copy, Meta, encode
from eventsrc.checkpoint.place import Place, translated
from eventsrc.checkpoint.port import LogDigest
from eventsrc.checkpoint.shelf import LATEST, TEMPORARY
from eventsrc.clock import format_time
from eventsrc.durable import write_file
from eventsrc.errors import CheckpointFailed, NotFound, ReadModelBroken, UsageError
from eventsrc.limits import LABEL_CHARS
from eventsrc.projector.generations import Generations

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def create(
    place: Place, label: str | None = None, *, automatic: bool = False, give_up: Callable[[], bool] = lambda: False
) -> Meta:
    """Makes a checkpoint of every read model that answers. Blocks; everyone else goes on reading and writing.

    Raises `DiskFull`, `CheckpointFailed` (also when `give_up` says so), `UsageError` (the label); then nothing of it
    is left but, at worst, a temporary folder that `Shelf.sweep` removes.
    """
    check_label(label)
    shelf, disk = place.shelf, place.disk
    building = shelf.directory / f"{TEMPORARY}building-{os.getpid()}"
    with translated(building):
        disk.mkdir(str(shelf.directory))
        shutil.rmtree(building, ignore_errors=True)
        try:
            disk.mkdir(str(building))
            copies, left_out = _copy_all(place, building, give_up)
            digest = place.log.digest()  # after the copies, so that none of them stands past it
            _check_positions(copies, digest)
            created = format_time(place.clock.now())
            meta = Meta(_new_id(place, created, digest), label, automatic, created, digest, copies, left_out=left_out)
            write_file(disk, str(building / META), encode(meta))
            disk.rename(str(building), str(shelf.path(meta.id)))
            disk.sync_directory(str(shelf.directory))
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
    return meta


def check_label(label: str | None) -> None:
    """Raises `UsageError` when a checkpoint could not be found by this label, or not be shown in one line."""
    if label is None:
        return
    if not 0 < len(label) <= LABEL_CHARS or not label.isprintable() or label != label.strip():
        raise UsageError(reason=f"a label has 1 to {LABEL_CHARS} printable characters and no blanks around")
    if label == LATEST:
        raise UsageError(reason=f"{LATEST!r} always names the newest checkpoint")


def _copy_all(place: Place, building: Path, give_up: Callable[[], bool]) -> tuple[dict[str, Copy], dict[str, str]]:
    """Copies of what can be copied, and why the rest is left out: one broken read model must not cost the others."""
    copies: dict[str, Copy] = {}
    left_out: dict[str, str] = {}
    for name in place.built():
        try:
            copies[name] = _copy(place, name, building, give_up)
        except (NotFound, ReadModelBroken) as error:
            left_out[name] = str(error)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
                raise
            left_out[name] = str(error)
        if name in left_out:
            (building / f"{name}.db").unlink(missing_ok=True)
    return copies, left_out


def _copy(place: Place, name: str, building: Path, give_up: Callable[[], bool]) -> Copy:
    """The rows first: the files beside them only grow, so every row finds what it points to."""
    generations = Generations(place.read_dir, name)
    number = generations.current()
    if number is None or not generations.path(number).is_file():
        raise NotFound(what="database of read model", name=name)
    copy = copy_database(generations.path(number), building / f"{name}.db", place.disk, give_up)
    files = copy_tree(generations.files(number), building / f"{name}.files", place.disk, give_up)
    return Copy(copy.generation, copy.position, copy.bytes, copy.sha256, copy.schema_version, copy.rows, files)


def _check_positions(copies: dict[str, Copy], digest: LogDigest) -> None:
    for name, copy in copies.items():
        if copy.position > digest.position:
            reason = (
                f"{name} stands at {copy.position}, but the log ends at {digest.position}: they do not belong together"
            )
            raise CheckpointFailed(reason=reason)


def _new_id(place: Place, created: str, digest: LogDigest) -> str:
    """Eight hexadecimal digits that follow from what the checkpoint is, and are not taken."""
    taken = set(place.shelf.ids())
    number = 0
    while True:
        text = f"{created} {digest.position} {digest.sha256} {number}"
        id_ = sha256(text.encode()).hexdigest()[:8]
        if id_ not in taken:
            return id_
        number += 1
