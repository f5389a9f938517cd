"""The folder with all checkpoints: finding, checking, removing. Reads and removes; makes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from eventsrc.checkpoint.copying import describe, hash_file, hash_tree
from eventsrc.checkpoint.meta import ID, META, Copy, Meta, decode
from eventsrc.checkpoint.policy import Policy, age, kept
from eventsrc.durable import Disk
from eventsrc.errors import CheckpointBroken, IncompatibleSchema, NotFound, UsageError

TEMPORARY = ".tmp-"
LATEST = "latest"


class Shelf:
    """`<data>/checkpoints`. Blocks."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self.directory = directory
        self._disk = disk

    def path(self, id_: str) -> Path:
        """The folder of a checkpoint."""
        return self.directory / id_

    def all(self) -> list[Meta]:
        """Every checkpoint that can be read, newest first."""
        found = []
        for id_ in self.ids():
            try:
                found.append(self.read(id_))
            except (CheckpointBroken, IncompatibleSchema):
                continue  # `verify` tells of it
        return sorted(found, key=age)

    def ids(self) -> list[str]:
        """Everything that is named like a checkpoint, readable or not, sorted."""
        if not self.directory.is_dir():
            return []
        return sorted(entry.name for entry in self.directory.iterdir() if ID.fullmatch(entry.name))

    def read(self, id_: str) -> Meta:
        """Raises `CheckpointBroken`, `IncompatibleSchema`."""
        try:
            return decode(id_, (self.path(id_) / META).read_bytes())
        except OSError as error:
            raise CheckpointBroken(id=id_, reason=f"{META}: {error.strerror}") from error

    def find(self, name: str) -> Meta:
        """By `latest`, id, the beginning of an id, or label (the newest that has it), in this order.

        Raises `NotFound`, `UsageError` when several ids begin like that, `CheckpointBroken`, `IncompatibleSchema`.
        """
        every = self.all()
        if name == LATEST:
            if not every:
                raise NotFound(what="checkpoint", name=name, next="'eventsrc checkpoint' makes one.")
            return every[0]
        begins = [id_ for id_ in self.ids() if name and id_.startswith(name)]
        if len(begins) == 1:
            return self.read(begins[0])
        labelled = [meta for meta in every if meta.label == name]
        if labelled:
            return labelled[0]
        if begins:
            raise UsageError(reason=f"several checkpoints begin with {name}: {', '.join(begins)}")
        raise NotFound(what="checkpoint", name=name, next="'eventsrc checkpoint list' lists them.")

    def verify(self, name: str) -> list[str]:
        """Everything that is wrong with a checkpoint, in words; empty when it is whole. Raises `NotFound` and
        `UsageError` like `find`."""
        try:
            meta = self.find(name)
        except (CheckpointBroken, IncompatibleSchema) as error:
            return [str(error)]
        folder = self.path(meta.id)
        problems = []
        expected = {META}
        for model, copy in meta.read_models.items():
            expected |= {f"{model}.db"} | ({f"{model}.files"} if copy.files else set())
            problems += _check(folder, model, copy)
            if copy.position > meta.position:
                problems.append(f"{model}.db stands at {copy.position}, past the checkpoint's {meta.position}")
        strange = sorted(entry.name for entry in folder.iterdir() if entry.name not in expected)
        return problems + [f"{name} does not belong there" for name in strange]

    def remove(self, id_: str) -> None:
        """Takes a checkpoint away at once; one that is interrupted is finished by `sweep`."""
        aside = self.directory / f"{TEMPORARY}removed-{id_}"
        shutil.rmtree(aside, ignore_errors=True)
        self._disk.rename(str(self.path(id_)), str(aside))
        shutil.rmtree(aside, ignore_errors=True)

    def prune(self, policy: Policy, *, automatic_only: bool = False) -> list[str]:
        """Removes what the policy does not keep; returns the ids. `automatic_only` leaves those alone that somebody
        asked for."""
        every = [meta for meta in self.all() if meta.automatic or not automatic_only]
        stay = kept(every, policy)
        gone = [meta.id for meta in every if meta.id not in stay]
        for id_ in gone:
            self.remove(id_)
        return gone

    def sweep(self) -> int:
        """Removes what an interruption left behind, at the start; returns how many folders."""
        leftovers = list(self.directory.glob(f"{TEMPORARY}*")) if self.directory.is_dir() else []
        for folder in leftovers:
            shutil.rmtree(folder, ignore_errors=True)
        return len(leftovers)


def _check(folder: Path, model: str, copy: Copy) -> list[str]:
    path = folder / f"{model}.db"
    try:
        if path.stat().st_size != copy.bytes:
            return [f"{path.name} has {path.stat().st_size} bytes, not {copy.bytes}"]
        if hash_file(path) != copy.sha256:
            return [f"{path.name} was changed: its SHA-256 differs"]
        problems = _check_rows(path, copy)
        files = folder / f"{model}.files"
        if copy.files is not None and (not files.is_dir() or hash_tree(files) != copy.files):
            problems.append(f"{files.name} was changed: its files differ")
    except OSError as error:
        return [f"{path.name}: {error.strerror}"]
    return problems


def _check_rows(path: Path, copy: Copy) -> list[str]:
    """What SQLite says, beyond the checksum: the copy may have been made from a damaged original."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            found = [text for (text,) in connection.execute("PRAGMA integrity_check(10)") if text != "ok"]
            told = describe(connection)
    except sqlite3.Error as error:
        return [f"{path.name}: {error}"]
    if told != (copy.position, copy.schema_version, copy.rows):
        found.append("position, schema version or row counts are not those noted")
    return [f"{path.name}: {text}" for text in found]
