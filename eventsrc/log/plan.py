"""Deciding what a group of batches becomes, before anything is written. Pure, given what the log knows.

A group is one write, one sync, one unit of recovery. A batch in it can be refused on its own (a wrong revision, an id
that was used for other data) without any trace; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Protocol, TypeAlias

import msgspec

from eventsrc.errors import EventsrcError, IdConflict, Rejected, TooLarge, WrongRevision
from eventsrc.event import Appended, Cursor, Position
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS
from eventsrc.log.codec import cursor_key, encode
from eventsrc.log.drafts import Claim, Drafts
from eventsrc.log.index import Changes, Known
from eventsrc.log.revisions import Revisions

Answer: TypeAlias = Appended | EventsrcError
"""What becomes of a batch: its positions, or why it was refused."""


class Batch(msgspec.Struct, frozen=True):
    """What a producer wants to have appended: all of it, or nothing."""

    drafts: Drafts
    expected_revision: dict[str, int] | None = None
    """Stream → the revision that it must have now; 0 = it must not exist."""
    weight: int = 0
    """Bytes of the drafts; counted when the batch is made."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "weight", self.drafts.weight)


class Knows(Protocol):
    """What planning asks the log."""

    def revision(self, subject: str) -> int: ...

    def ids(self, keys: Iterable[bytes]) -> dict[bytes, Known]: ...


class Behind:
    """What the log will know once a group that is being written is durable."""

    def __init__(self, group: Group, known: Knows) -> None:
        self._changes = group.changes
        self._known = known

    def revision(self, subject: str) -> int:
        revision = self._changes.revisions.get(subject)
        return self._known.revision(subject) if revision is None else revision

    def ids(self, keys: Iterable[bytes]) -> dict[bytes, Known]:
        ids = self._changes.ids
        asked = list(keys)
        found = self._known.ids([key for key in asked if key not in ids])
        found.update((key, ids[key]) for key in asked if key in ids)
        return found


class Group(msgspec.Struct):
    """Batches, decided and encoded. Valid only when written right after `after`."""

    first: Position
    answers: list[Answer]
    """One per batch, in order. They hold only once the group is durable."""
    body: bytes
    """The lines; empty when nothing new is to be written."""
    changes: Changes

    @property
    def last(self) -> Position:
        return self.first + self.changes.events - 1


def plan(batches: Sequence[Batch], first: Position, recorded: str, known: Knows) -> Group:
    """Decides every batch and encodes what is new, from position `first` on. `recorded` is RFC 3339."""
    selection = _Selection(first, known)
    answers = [selection.take(batch) for batch in batches]
    heads, data, numbers = selection.heads, selection.data, selection.numbers
    changes = Changes(
        events=len(heads),
        position=first + len(heads) - 1,
        revisions=selection.revisions.last,
        cursors=selection.cursors,
        ids=selection.ids,
    )
    pieces, changes.checksum = encode(heads, data, numbers, first, recorded)
    return Group(first, answers, b"".join(pieces), changes)


class _Selection:
    """What is new of a group, as it is gathered batch by batch."""

    def __init__(self, first: Position, known: Knows) -> None:
        self._following = first
        self._known = known
        self.heads: list[bytes] = []
        self.data: list[bytes] = []
        self.numbers: list[int] = []
        """Revisions, one for each draft."""
        self.revisions = Revisions(known.revision)
        self.cursors: dict[str, tuple[Cursor, Position]] = {}
        """The last cursor of each key."""
        self.ids: dict[bytes, Known] = {}

    def take(self, batch: Batch) -> Answer:
        """Decides one batch; what is refused leaves nothing behind."""
        if too_large := _too_large(batch):
            return too_large
        start, new, size = self._following, batch.drafts, len(batch.drafts)
        answer = Appended(tuple(range(start, start + size)))
        fresh: dict[bytes, Known] = {}
        if new.claims:
            settled = self._settle(new.claims, start)
            if isinstance(settled, IdConflict):
                return settled
            there, fresh = settled
            if there:
                answer = Appended(_positions(size, start, there), len(there))
                new, size = new.without(there), size - len(there)
        # A batch that is entirely there already is a retry: what it expected was true when it was appended.
        if size and batch.expected_revision and (wrong := self._wrong_revision(batch.expected_revision)):
            return wrong
        self.heads += new.heads
        self.data += new.data
        self.numbers += self.revisions.number(new.subjects)
        for index, cursor in new.cursors:
            self.cursors[cursor_key(cursor)] = (cursor, start + index)
        self._following += size
        self.ids.update(fresh)
        return answer

    def _settle(
        self, claims: Sequence[Claim], start: Position
    ) -> tuple[dict[int, Position], dict[bytes, Known]] | IdConflict:
        """(place in the batch → position of those that are there already, what the others make known), or the first
        conflict."""
        seen = self._known.ids(claim.key for claim in claims)
        seen.update((claim.key, self.ids[claim.key]) for claim in claims if claim.key in self.ids)
        there: dict[int, Position] = {}
        fresh: dict[bytes, Known] = {}
        for claim in claims:
            known = seen.get(claim.key)
            if known is None:
                seen[claim.key] = fresh[claim.key] = Known(start + claim.index - len(there), claim.digest)
            elif known.digest == claim.digest:
                there[claim.index] = known.position
            else:
                return IdConflict(id=claim.id, source=claim.source, position=known.position)
        return there, fresh

    def _wrong_revision(self, expected: dict[str, int]) -> WrongRevision | None:
        for subject, revision in expected.items():
            actual = self.revisions.of(subject)
            if actual != revision:
                return WrongRevision(stream=subject, expected=revision, actual=actual)
        return None


def _positions(size: int, start: Position, there: Mapping[int, Position]) -> tuple[Position, ...]:
    """Of a batch of which some are there already; the others follow one another from `start` on."""
    following = count(start)
    return tuple(there[index] if index in there else next(following) for index in range(size))


def _too_large(batch: Batch) -> Rejected | None:
    if len(batch.drafts) > COMMIT_EVENTS:
        return Rejected(reason=f"a batch has at most {COMMIT_EVENTS} events, and this one has {len(batch.drafts)}")
    too_heavy = batch.weight > COMMIT_BYTES
    return TooLarge(what="The batch", size=batch.weight, limit=COMMIT_BYTES) if too_heavy else None
