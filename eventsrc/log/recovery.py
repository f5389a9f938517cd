"""Opening a log: exactly one of clean, rolled back (and reported), corrupt (and refused, with nothing changed).

Only the last group of the newest segment can be unfinished after a crash, because the one before it was synced before
it was written. So the newest segment is verified whole, the sealed ones by existence and size; their content was synced
before the manifest named them, and `verify` reads it.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from eventsrc.durable import Disk, write_file
from eventsrc.errors import LogCorrupt
from eventsrc.event import Position
from eventsrc.log.chain import Manifest, Sealed, parse_manifest
from eventsrc.log.layout import ASIDE, MANIFEST, log_directory, segment_name, segments
from eventsrc.log.reading import reading
from eventsrc.log.scan import Fault, Scan, blocks, other_group
from eventsrc.log.segment import failure


class Cut(msgspec.Struct, frozen=True):
    """What opening took off the end of a file."""

    file: str
    line: int
    """Where the first line stood that was not as it must be, counted from 1."""
    byte: int
    """The length that the file has now."""
    bytes: int
    """How many were taken off."""
    reason: str
    aside: str
    """Where they are kept."""


class Recovery(msgspec.Struct, frozen=True):
    """What opening found; `clean` when the last writer had finished everything."""

    cuts: tuple[Cut, ...] = ()
    """At most one of the newest segment and one of the manifest."""
    index: str = ""
    """Why the index was built anew; empty when it was not. Nothing is lost by that."""

    @property
    def clean(self) -> bool:
        return not self.cuts


class Opened(msgspec.Struct):
    """The state of the files once they are in order."""

    sealed: list[Sealed]
    first: Position
    """First position of the newest segment that is not sealed, whether it is there yet or not."""
    size: int
    head: Position
    cuts: tuple[Cut, ...]


def open_files(log: Path, disk: Disk, durable: Position = 0) -> Opened:
    """Reads what is there, and rolls back what is unfinished. Raises `LogCorrupt` before anything is changed.

    `durable`: a position that was acknowledged for certain. Nothing up to there is ever rolled back: a crash cannot
    have taken it, so it is damage.
    """
    manifest = read_manifest(log)
    first = _newest(log, manifest)
    _check_sealed(log, manifest.sealed)
    scan, fault, size = Scan(first), None, 0
    path = log / segment_name(first)
    if path.exists():
        scan, fault, size = _scan_newest(disk, path, first)
    if scan.group_first <= durable:
        line, byte = (fault.line, fault.byte) if fault else (scan.line, scan.byte)
        raise _corrupt(path.name, line, byte, f"{durable - scan.group_first + 1} events that were durable are gone")
    cuts: list[Cut] = []
    if manifest.line:
        cuts.append(_cut(disk, log, MANIFEST, manifest.line, manifest.sound_bytes, manifest.detail))
    if size > scan.group_byte:
        line, reason = (fault.line, f"{fault.kind}: {fault.detail}") if fault else (scan.line, "the batch is not whole")
        cuts.append(_cut(disk, log, path.name, line, scan.group_byte, reason))
    return Opened(manifest.sealed, first, scan.group_byte, scan.group_first - 1, tuple(cuts))


def make_directory(data: Path, disk: Disk) -> None:
    """Makes the folders of a log and an empty manifest; their names are durable when this returns."""
    log = log_directory(data)
    manifest = log / MANIFEST
    if manifest.exists():
        return
    try:
        disk.mkdir(str(data))
        disk.sync_directory(str(data.parent))
        disk.mkdir(str(log))
        disk.sync_directory(str(data))
        disk.close(disk.open(str(manifest), os.O_WRONLY | os.O_CREAT))
        disk.sync_directory(str(log))
    except OSError as error:
        raise failure("create", log, error) from error


def read_manifest(log: Path) -> Manifest:
    """The manifest of a log folder; empty when there is none. Raises `LogUnreadable`, `TryAgain`."""
    with reading(log):
        try:
            return parse_manifest((log / MANIFEST).read_bytes())
        except FileNotFoundError:
            return parse_manifest(b"")


def _newest(log: Path, manifest: Manifest) -> Position:
    """The first position of the segment that is not sealed. At most one may be there, right after the sealed ones."""
    expected = manifest.last + 1
    known = {entry.first for entry in manifest.sealed}
    unsealed = [first for first in segments(log) if first not in known]
    if manifest.line and not (manifest.torn and unsealed == [expected]):
        raise _corrupt(MANIFEST, manifest.line, manifest.sound_bytes, manifest.detail)
    if unsealed not in ([], [expected]):
        strange = next(first for first in unsealed if first != expected)
        raise _corrupt(segment_name(strange), 0, 0, f"the manifest expects a segment that begins at {expected}")
    return expected


def _check_sealed(log: Path, sealed: list[Sealed]) -> None:
    for entry in sealed:
        try:
            size = (log / entry.segment).stat().st_size
        except FileNotFoundError:
            raise _corrupt(entry.segment, 0, 0, "the segment is missing") from None
        if size != entry.bytes:
            raise _corrupt(entry.segment, 0, min(size, entry.bytes), f"{size} bytes instead of {entry.bytes}")


def _scan_newest(disk: Disk, path: Path, first: Position) -> tuple[Scan, Fault | None, int]:
    """Follows the newest segment to its end, or to the first line that is wrong and is not followed by another group.

    The file is synced before it is read: a former process may have died between its write and its sync, and what is
    read here is built upon. Clean pages are dropped first, so that the disk is asked and not the memory of a failure.
    """
    try:
        fd = disk.open(str(path), os.O_RDONLY)
        disk.sync(fd)
        disk.sync_directory(str(path.parent))
    except OSError as error:
        raise failure("sync", path, error) from error
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(fd).st_size
        scan = Scan(first)
        fault = None
        for block in blocks(fd, 0, size):
            fault = scan.take(block)
            if fault:
                break
        if fault and (byte := other_group(blocks(fd, scan.group_byte, size), scan.group_first)) is not None:
            raise _corrupt(path.name, fault.line, fault.byte, f"{fault.detail}; sound lines follow at byte {byte}")
        return scan, fault, size
    finally:
        disk.close(fd)


def _cut(disk: Disk, log: Path, name: str, line: int, byte: int, reason: str) -> Cut:
    """Keeps what follows `byte` aside, durably, and only then takes it off."""
    path = log / name
    tail = path.read_bytes()[byte:]
    aside = log / ASIDE / f"{name.removesuffix('.jsonl')}-{byte}-{sha256(tail).hexdigest()[:16]}.tail"
    operation = "write"
    try:
        disk.mkdir(str(aside.parent))
        disk.sync_directory(str(log))
        write_file(disk, str(aside), tail)
        operation = "truncate"
        fd = disk.open(str(path), os.O_WRONLY)
        try:
            disk.truncate(fd, byte)
            operation = "sync"
            disk.sync(fd)
        finally:
            disk.close(fd)
    except OSError as error:
        raise failure(operation, path, error) from error
    return Cut(name, line, byte, len(tail), reason, str(aside))


def _corrupt(segment: str, line: int, byte: int, detail: str) -> LogCorrupt:
    return LogCorrupt(segment=segment, line=line, byte=byte, detail=detail)
