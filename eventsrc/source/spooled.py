"""The files of a spool: which there are, and what each becomes. Blocking."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Container
from pathlib import Path

import msgspec

from eventsrc.clock import format_time
from eventsrc.event import Record
from eventsrc.limits import BATCH_BYTES, BATCH_EVENTS, RECORD_BYTES, RECORD_HEAD_BYTES
from eventsrc.source.notice import notice, shown

ENDING = ".json"
SET_ASIDE = "set-aside"


class Found(msgspec.Struct, frozen=True):
    """A file of the spool."""

    name: str
    size: int
    mtime_ns: int

    @property
    def unfinished(self) -> bool:
        """Still being written, or never finished."""
        return self.name.startswith(".")

    @property
    def too_large(self) -> bool:
        return self.size > RECORD_BYTES and not self.unfinished


def files(folder: Path, but: Container[str] = ()) -> tuple[list[Found], bool]:
    """The oldest files that make one batch, and whether there are more, passing over names in `but`. Only regular
    files: a link or a pipe that somebody put there is nobody's record."""
    found: list[Found] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                named = entry.name.startswith(".") or entry.name.endswith(ENDING)
                if named and entry.name not in but and entry.is_file(follow_symlinks=False):
                    try:
                        facts = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # renamed into place meanwhile
                        continue
                    found.append(Found(entry.name, facts.st_size, facts.st_mtime_ns))
    except FileNotFoundError:
        return [], False
    whole = sorted((one for one in found if not one.unfinished), key=lambda one: (one.mtime_ns, one.name))
    taken, size = [one for one in found if one.unfinished][:BATCH_EVENTS], 0
    for number, one in enumerate(whole):
        size += min(one.size, RECORD_BYTES)
        if number and (number >= BATCH_EVENTS or size > BATCH_BYTES):
            return taken, True
        taken.append(one)
    return taken, False


def record_of(folder: Path, one: Found) -> Record:
    """The record in a file, or a stub of one too large. Raises OSError."""
    data = _read(folder / one.name, RECORD_BYTES + 1)
    if len(data) > RECORD_BYTES:
        return _stub(folder, one)
    digest = hashlib.sha256(data).hexdigest()[:16]
    name = shown(one.name.removesuffix(ENDING))
    return Record(
        f"urn:eventsrc:spool:{shown(folder.name)}",
        data,
        f"{name}:{digest}",
        unique=True,
        time=format_time(one.mtime_ns / 1e9),
    )


def accident(folder: Path, one: Found) -> Record:
    """Somebody began to write and never finished; the beginning of what there is of it is kept. Raises OSError."""
    head = _head(folder / one.name)
    return notice("unfinished", str(folder / one.name), "spool", size=one.size, head_base64=head)


def _stub(folder: Path, one: Found) -> Record:
    path = folder / one.name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    head = _head(path)
    return notice("oversize", str(path), "spool", offset=0, length=one.size, sha256=digest, head_base64=head)


def _head(path: Path) -> str:
    return base64.b64encode(_read(path, RECORD_HEAD_BYTES)).decode()


def _read(path: Path, most: int) -> bytes:
    """Never waits and never follows a link, whatever took the file's place since it was listed."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        return file.read(most)
