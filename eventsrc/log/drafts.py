"""Drafts in columns: what a batch carries, and what a group is encoded from.

The log handles thousands of drafts at a time and looks at few of them one by one, so what all of them have stands in
lists that whole maps run over, and what only some have (a cursor, an id to be looked up) names its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, compress

import msgspec

from eventsrc.event import Cursor, Draft
from eventsrc.log.draft import fingerprint, identity


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A draft whose (source, id) may be in the log already."""

    index: int
    """Its place in the batch."""
    key: bytes
    """16 bytes that stand for (source, id)."""
    digest: bytes
    """16 bytes that stand for its data."""
    source: str
    id: str


class Drafts(msgspec.Struct, frozen=True):
    """Records ready for the log, in order. The lists are as long as one another and are not changed any more."""

    heads: Sequence[bytes]
    """As `Draft.head`."""
    data: Sequence[bytes]
    """As `Draft.data`."""
    subjects: Sequence[str]
    cursors: Sequence[tuple[int, Cursor]] = ()
    """(place in the batch, cursor) of those that have one, in order."""
    claims: Sequence[Claim] = ()
    """Those whose id is looked up, in order."""

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def weight(self) -> int:
        """Bytes that they take in memory and, nearly, in the log."""
        return sum(map(len, self.heads)) + sum(map(len, self.data))

    def without(self, gone: Collection[int]) -> Drafts:
        """Those that do not stand at one of these places; claims are settled and left out."""
        kept = [index not in gone for index in range(len(self))]
        places = list(accumulate(kept))
        return Drafts(
            list(compress(self.heads, kept)),
            list(compress(self.data, kept)),
            list(compress(self.subjects, kept)),
            [(places[index] - 1, cursor) for index, cursor in self.cursors if kept[index]],
        )


def in_columns(items: Iterable[Draft]) -> Drafts:
    """Drafts that were made one by one."""
    heads: list[bytes] = []
    data: list[bytes] = []
    subjects: list[str] = []
    cursors: list[tuple[int, Cursor]] = []
    claims: list[Claim] = []
    for index, item in enumerate(items):
        heads.append(item.head)
        data.append(item.data)
        subjects.append(item.subject)
        if item.cursor is not None:
            cursors.append((index, item.cursor))
        if item.unique:
            claims.append(Claim(index, identity(item.source, item.id), fingerprint(item), item.source, item.id))
    return Drafts(heads, data, subjects, cursors, claims)
