"""A place in a file that can be found again: which file, how far, and what it looked like up to there.

As a cursor it is text: `<key> ` and the other fields of `Place` in their order, with commas between.
The key, before the blank, is what the log looks up: it names the file by volume and inode, so it survives a rename.
"""

from __future__ import annotations

import hashlib
import os
from typing import Literal, TypeAlias

import msgspec

from eventsrc.event import Cursor
from eventsrc.limits import ANCHOR_BYTES, FINGERPRINT_BYTES

Verdict: TypeAlias = Literal["same", "truncated", "rewritten"]


class Place(msgspec.Struct, frozen=True, gc=False):
    """How far a file was read. The zero place is the beginning of a file that nothing is known about."""

    key: str
    offset: int = 0
    """Bytes up to and including the last line feed that was passed."""
    lines: int = 0
    """Lines passed, empty ones included."""
    records: int = 0
    """Records handed over in this generation."""
    generation: int = 0
    """How often the file's content was found to be another one: ids of different generations never meet."""
    mtime_ns: int = 0
    """Change time of the file when it held nothing beyond `offset`; 0 when it held more."""
    head_length: int = 0
    head_hash: str = ""
    """Hash of the first `head_length` bytes; all of them lie before `offset`."""
    anchor_length: int = 0
    anchor_hash: str = ""
    """Hash of the `anchor_length` bytes before `offset`."""

    @property
    def prefix(self) -> str:
        """What the ids of this generation's records begin with."""
        return f"{self.key}.{self.generation}:"

    @property
    def state(self) -> str:
        """Generation and offset: what changes when reading goes on."""
        return f"{self.generation}:{self.offset}"

    def anew(self) -> Place:
        """The beginning of the next generation of the same inode."""
        return Place(self.key, generation=self.generation + 1)

    def holds(self, size: int, mtime_ns: int) -> bool:
        """Whether a file with this size and change time has certainly nothing new."""
        return size == self.offset and mtime_ns == self.mtime_ns


class Volumes:
    """Names file systems in a way that survives a restart of the machine: device numbers do not, the identity that
    the file system itself reports does. Where it reports none, the device number is all there is."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def key(self, device: int, inode: int, path: str | int) -> str:
        """The key of a file, e.g. `f:53a1c:1047`. `path` is any path or descriptor on the same device."""
        name = self._names.get(device)
        if name is None:
            identity = os.statvfs(path).f_fsid
            name = self._names[device] = f"{identity:x}" if identity else f"d{device:x}"
        return f"f:{name}:{inode:x}"


def digest(data: bytes) -> str:
    """64 bits are enough to tell two files apart that already share volume and inode."""
    return hashlib.blake2b(data, digest_size=8).hexdigest() if data else ""


def settled(place: Place, head: bytes, before: bytes) -> Place:
    """`place` with the hashes filled in: `head` is the file's beginning, `before` ends where the place is."""
    seen = head[: min(place.offset, FINGERPRINT_BYTES)]
    anchor = before[-min(ANCHOR_BYTES, place.offset) :] if place.offset else b""
    return msgspec.structs.replace(
        place, head_length=len(seen), head_hash=digest(seen), anchor_length=len(anchor), anchor_hash=digest(anchor)
    )


def judge(place: Place, size: int, head: bytes, anchor: bytes) -> Verdict:
    """Whether a file is still the one that was read up to `place`. `anchor` is what stands before the place now."""
    same_head = digest(head[: place.head_length]) == place.head_hash
    if size < place.offset:
        return "truncated" if same_head or len(head) < place.head_length else "rewritten"
    return "same" if same_head and digest(anchor) == place.anchor_hash else "rewritten"


def written(place: Place) -> Cursor:
    """The place as a cursor."""
    p = place
    return (
        f"{p.key} {p.offset},{p.lines},{p.records},{p.generation},{p.mtime_ns},"
        f"{p.head_length},{p.head_hash},{p.anchor_length},{p.anchor_hash}"
    )


def read(cursor: Cursor) -> Place:
    """The place that a cursor holds; raises ValueError when it is not one that `written` gave."""
    key, _, rest = cursor.partition(" ")
    offset, lines, records, generation, mtime, head, head_hash, anchor, anchor_hash = rest.split(",")
    return Place(
        key,
        offset=int(offset),
        lines=int(lines),
        records=int(records),
        generation=int(generation),
        mtime_ns=int(mtime),
        head_length=int(head),
        head_hash=head_hash,
        anchor_length=int(anchor),
        anchor_hash=anchor_hash,
    )
