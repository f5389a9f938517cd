"""Looking into a file: what one thread hop does. Blocking; every function takes an open descriptor and counts its work.

A file is never read from the middle of a line, and nothing of a line is kept between two hops: what is not complete is
read again when it is. That costs a little and leaves a place as the only state.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from typing import Any

import msgspec

from eventsrc.event import Record
from eventsrc.limits import ANCHOR_BYTES, BATCH_BYTES, FINGERPRINT_BYTES, RECORD_HEAD_BYTES, SCAN_BYTES
from eventsrc.source.cut import Batch, Block
from eventsrc.source.notice import notice
from eventsrc.source.packed import is_packed, unpacked
from eventsrc.source.place import Place, Volumes, settled
from eventsrc.source.work import Work


class Moved(Exception):
    """The path leads to another file than the one that is followed; never leaves this room."""


class Unreadable(Exception):
    """A system call on a followed file failed; its argument is the reason. Never leaves this room."""


def open_file(path: str, key: str, volumes: Volumes, work: Work) -> int:
    """Opens the file that `key` names, a packed one unpacked; raises Moved when another one stands there, OSError as
    the system gives it."""
    work.opens += 1
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe put in its place must not block
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or volumes.key(found.st_dev, found.st_ino, fd) != key:
            raise Moved(path)
    except BaseException:
        os.close(fd)
        raise
    return unpacked(fd, work) if is_packed(path) else fd


def look_into(fd: int, place: Place, work: Work, want: int = BATCH_BYTES) -> Block:
    """Up to `want` bytes from the place on, with what `judge` needs. The head is read last: who rewrites a file while
    it is being read has then been at its beginning already."""
    start = place.offset - place.anchor_length
    there = max(0, os.fstat(fd).st_size - start)  # a short file needs neither so much room nor a second read
    raw = read_at(fd, min(place.anchor_length + want, there), start)
    head = read_at(fd, FINGERPRINT_BYTES, 0)
    found = os.fstat(fd)
    work.reads += 1
    work.bytes_read += max(0, len(raw) - place.anchor_length)
    return Block(raw, head, found.st_size, found.st_mtime_ns)


def read_at(fd: int, count: int, offset: int) -> bytes:
    """`count` bytes, fewer only at the end of the file."""
    data = os.pread(fd, count, offset)
    if len(data) == count or not data:
        return data
    parts = [data]
    while data and count > (have := sum(map(len, parts))):
        data = os.pread(fd, count - have, offset + have)
        parts.append(data)
    return b"".join(parts)


def line_end(fd: int, start: int, work: Work) -> tuple[int | None, int]:
    """Where the next line feed at or after `start` stands (None: not found yet), and how far was looked.

    Looks at SCAN_BYTES at most, so that a stop never waits long."""
    at = start
    while at - start < SCAN_BYTES:
        data = os.pread(fd, BATCH_BYTES, at)
        work.bytes_read += len(data)
        if (found := data.find(b"\n")) >= 0:
            return at + found, at
        if not data:
            break
        at += len(data)
    return None, at


class Oversized:
    """A line beyond the limit: hashed piece by piece, so that memory stays bounded whatever its length."""

    def __init__(self, path: str, place: Place, end: int) -> None:
        self.path = path
        self.place = place
        self.end = end
        """Offset of the line feed."""
        self._hash = hashlib.sha256()
        self._at = place.offset

    def hash_on(self, fd: int, work: Work) -> bool:
        """Takes the next SCAN_BYTES; True when the whole line is hashed (or the file ended before it)."""
        stop = min(self.end, self._at + SCAN_BYTES)
        while self._at < stop:
            data = os.pread(fd, min(BATCH_BYTES, stop - self._at), self._at)
            if not data:
                return True
            work.bytes_read += len(data)
            self._hash.update(data)
            self._at += len(data)
        return self._at == self.end

    def stub(self, fd: int) -> Batch | None:
        """The event that stands for the line; None when the file shrank below it meanwhile."""
        if self._at != self.end:
            return None
        start, after = self.place.offset, self.end + 1
        found = os.fstat(fd)
        passed = msgspec.structs.replace(
            self.place,
            offset=after,
            lines=self.place.lines + 1,
            records=self.place.records + 1,
            mtime_ns=found.st_mtime_ns if found.st_size == after else 0,
        )
        before = read_at(fd, min(ANCHOR_BYTES, after), after - min(ANCHOR_BYTES, after))
        place = settled(passed, read_at(fd, FINGERPRINT_BYTES, 0), before)
        return Batch([self._record(read_at(fd, min(RECORD_HEAD_BYTES, self.end - start), start))], place)

    def _record(self, head: bytes) -> Record:
        start = self.place.offset
        facts: dict[str, Any] = {
            "offset": start,
            "length": self.end - start,
            "sha256": self._hash.hexdigest(),
            "head_base64": base64.b64encode(head).decode(),
        }
        return notice("oversize", self.path, f"{self.place.prefix}{start}", **facts)
