"""Keys that have left a memory, so that a table is not asked for rows that it cannot have.

Most rows of a read model that is being filled are new. Whoever keeps only the newest in memory would ask the database
for each of them, in vain; this tells in a fraction of the time that it need not.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from eventsrc.limits import GONE_BYTES

_BYTES = GONE_BYTES - 1  # a mask: GONE_BYTES is a power of two


class Gone:
    """A set of keys in bounded memory. `key in gone` is never False of one that was added; it may be True of another,
    the more often the more there are: of one in twenty at a million."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits: bytearray | None = None  # until the first key, which small tables never see

    def add(self, keys: Iterable[Hashable]) -> None:
        """Remembers keys."""
        bits = self._bits = self._bits or bytearray(GONE_BYTES)
        for key in keys:
            code = hash(key)
            bits[code >> 3 & _BYTES] |= 1 << (code & 7)
            bits[code >> 36 & _BYTES] |= 1 << (code >> 33 & 7)

    def __contains__(self, key: Hashable) -> bool:
        bits = self._bits
        if bits is None:
            return False
        code = hash(key)
        return bool(bits[code >> 3 & _BYTES] >> (code & 7) & 1 and bits[code >> 36 & _BYTES] >> (code >> 33 & 7) & 1)
