"""What the log's bytes up to a position hash to: for checkpoints, and for telling two logs apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from eventsrc.event import Position
from eventsrc.limits import READ_BYTES
from eventsrc.log.chain import GENESIS, Sealed
from eventsrc.log.layout import log_directory, segment_name
from eventsrc.log.places import locate
from eventsrc.log.recovery import read_manifest


class Digest(msgspec.Struct, frozen=True):
    """SHA-256 over two times 32 bytes: the chain value of the segments before the one that holds the position, and
    the SHA-256 of that segment's bytes up to the end of the position's line. 64 hexadecimal digits. Whether the
    segment was sealed since makes no difference."""

    position: Position
    sha256: str


class Digests:
    """Digests of a log from its files, beside its writer or without one. Blocks; reads one segment at most."""

    def __init__(self, directory: Path, head: Callable[[], Position]) -> None:
        """`head` tells the last durable position."""
        self._log = log_directory(directory)
        self._head = head

    def digest(self) -> Digest:
        """At the head."""
        return digest_at(self._log, read_manifest(self._log).sealed, self._head())

    def digest_at(self, position: Position) -> Digest | None:
        """What `digest` gave when the head stood at `position`; None when the log is shorter."""
        if not 0 <= position <= self._head():
            return None
        return digest_at(self._log, read_manifest(self._log).sealed, position)


def digest_at(log: Path, sealed: Sequence[Sealed], position: Position) -> Digest:
    """The digest at a position that is in the log."""
    if position == 0:
        return Digest(0, GENESIS)
    before = [entry for entry in sealed if entry.last < position]
    holding = sealed[len(before)] if len(before) < len(sealed) else None
    chain = before[-1].chain if before else GENESIS
    if holding is not None and holding.last == position:
        return Digest(position, combined(chain, holding.sha256))
    return Digest(position, combined(chain, _prefix(log, before[-1].last + 1 if before else 1, position)))


def combined(chain: str, digest: str) -> str:
    """The SHA-256 of both."""
    return sha256(bytes.fromhex(chain) + bytes.fromhex(digest)).hexdigest()


def _prefix(log: Path, first: Position, position: Position) -> str:
    """The SHA-256 of a segment's bytes up to the end of the line of `position`."""
    hashed = sha256()
    fd = os.open(log / segment_name(first), os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = locate(fd, first, os.fstat(fd).st_size, position + 1)
        byte = 0
        while byte < end:
            read = os.pread(fd, min(READ_BYTES, end - byte), byte)
            assert read, "the file has the bytes that were found in it"
            hashed.update(read)
            byte += len(read)
    finally:
        os.close(fd)
    return hashed.hexdigest()
