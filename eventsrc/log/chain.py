"""The manifest: one line per sealed segment, each chained to the one before by SHA-256.

A changed, missing, added or reordered sealed segment no longer fits its line, and a changed line no longer fits the
chain. Pure; the effects are in `store.py` and `recovery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from zlib import crc32

import msgspec

from eventsrc.event import Position
from eventsrc.log.codec import CHECKSUM_BYTES, CHECKSUM_TEMPLATE, is_sound
from eventsrc.log.layout import segment_name

GENESIS: Final = "0" * 64
"""The chain value before the first segment."""


class Sealed(msgspec.Struct, frozen=True):
    """What the manifest says about one segment. Hashes are 64 hexadecimal digits."""

    segment: str
    first: Position
    last: Position
    bytes: int
    sha256: str
    chain: str
    """SHA-256 over the 32 bytes of the chain value before and the 32 bytes of this segment's `sha256`."""


class Manifest(msgspec.Struct, frozen=True):
    """The lines that fit, and where the first one that does not begins."""

    sealed: list[Sealed]
    sound_bytes: int
    total_bytes: int
    line: int = 0
    """Number of the line that does not fit; 0 when all do."""
    detail: str = ""
    torn: bool = False
    """Whether that line is the last one, as a crash while it was appended leaves it."""

    @property
    def last(self) -> Position:
        return self.sealed[-1].last if self.sealed else 0

    @property
    def chain(self) -> str:
        return self.sealed[-1].chain if self.sealed else GENESIS


def link(chain: str, digest: str) -> str:
    """The next chain value."""
    return sha256(bytes.fromhex(chain) + bytes.fromhex(digest)).hexdigest()


def seal(sealed: Sequence[Sealed], first: Position, last: Position, size: int, digest: str) -> Sealed:
    """The manifest entry of the segment that follows those which are sealed."""
    chain = sealed[-1].chain if sealed else GENESIS
    return Sealed(segment_name(first), first, last, size, digest, link(chain, digest))


def encode_sealed(entry: Sealed) -> bytes:
    """One line of the manifest, with its checksum and its line feed."""
    members = msgspec.json.encode(entry)[:-1]
    return members + CHECKSUM_TEMPLATE % crc32(members)


_decode = msgspec.json.Decoder(Sealed).decode


def parse_manifest(data: bytes) -> Manifest:
    """Reads a manifest as far as it is sound."""
    sealed: list[Sealed] = []
    byte = 0
    lines = data.split(b"\n")
    rest = lines.pop()
    for number, line in enumerate(lines, 1):
        detail = _misfit(line, sealed)
        if detail:
            torn = number == len(lines) and not rest
            return Manifest(sealed, byte, len(data), number, detail, torn)
        byte += len(line) + 1
    if rest:
        return Manifest(sealed, byte, len(data), len(lines) + 1, "the last line has no end", torn=True)
    return Manifest(sealed, byte, len(data))


def _misfit(line: bytes, sealed: list[Sealed]) -> str:
    """Appends what the line says to `sealed`, or tells why it does not fit."""
    if len(line) <= CHECKSUM_BYTES or not is_sound(line):
        return "the checksum does not match"
    try:
        entry = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
    expected = sealed[-1].last + 1 if sealed else 1
    if entry.first != expected or entry.last < entry.first or entry.segment != segment_name(entry.first):
        return f"the segment that begins at {expected} is expected here"
    if entry != seal(sealed, entry.first, entry.last, entry.bytes, entry.sha256):
        return "the chain is broken"
    sealed.append(entry)
    return ""
