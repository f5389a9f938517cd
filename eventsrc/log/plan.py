"""Deciding what a group of batches becomes, before anything is written. Pure, given what the log knows.

A group is one write, one sync, one unit of recovery. A batch in it can be refused on its own (a wrong revision, an id
that was used for other data) without any trace; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from eventsrc.errors import EventsrcError, IdConflict, Rejected, TooLarge, WrongRevision
from eventsrc.event import Appended, Draft, Position
from eventsrc.limits import COMMIT_BYTES, COMMIT_EVENTS
from eventsrc.log.codec import cursor_key, encode, identity
from eventsrc.log.draft import fingerprint, weigh
from eventsrc.log.index import Changes, Known

Answer: TypeAlias = Appended | EventsrcError
"""What becomes of a batch: its positions, or why it was refused."""


class Batch(msgspec.Struct, frozen=True):
    """What a producer wants to have appended: all of it, or nothing."""

    drafts: Sequence[Draft]
    expected_revision: dict[str, int] | None = None
    """Stream → the revision that it must have now; 0 = it must not exist."""
    weight: int = 0
    """Bytes of the drafts; counted when the batch is made."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "weight", weigh(self.drafts))


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
    drafts = selection.drafts
    changes = Changes(events=len(drafts), position=first + len(drafts) - 1, ids=selection.ids)
    pieces, changes.checksum = encode(drafts, first, recorded, changes.revisions, known.revision)
    changes.cursors = _cursors(drafts, first)
    return Group(first, answers, b"".join(pieces), changes)


class _Selection:
    """The drafts of a group that are new, as they are gathered batch by batch."""

    def __init__(self, first: Position, known: Knows) -> None:
        self._first = first
        self._known = known
        self._counts: Counter[str] = Counter()
        self._counted = 0
        self.drafts: list[Draft] = []
        self.ids: dict[bytes, Known] = {}

    def take(self, batch: Batch) -> Answer:
        """Decides one batch; what is refused leaves nothing behind."""
        drafts = batch.drafts
        if too_large := _too_large(batch):
            return too_large
        start = self._first + len(self.drafts)
        new = list(drafts)
        if has_unique := any([draft.unique for draft in drafts]):  # noqa: C419 – twice as fast as a generator
            places = self._places(drafts)
            if isinstance(places, IdConflict):
                return places
            new = [draft for draft, (_, is_new) in zip(drafts, places, strict=True) if is_new]
            answer = Appended(tuple(position for position, _ in places), len(drafts) - len(new))
        else:
            answer = Appended(tuple(range(start, start + len(new))))
        # A batch that is entirely there already is a retry: what it expected was true when it was appended.
        if new and batch.expected_revision and (wrong := self._wrong_revision(batch.expected_revision)):
            return wrong
        self.drafts += new
        if has_unique:
            for position, draft in enumerate(new, start):
                if draft.unique:
                    self.ids[identity(draft.source, draft.id)] = Known(position, fingerprint(draft))
        return answer

    def _places(self, drafts: Sequence[Draft]) -> list[tuple[Position, bool]] | IdConflict:
        """(position, is it new) of each draft, or the first conflict."""
        keys = [identity(draft.source, draft.id) if draft.unique else b"" for draft in drafts]
        seen = self._known.ids(key for key in keys if key)
        seen.update((key, self.ids[key]) for key in keys if key in self.ids)
        following = self._first + len(self.drafts)
        places: list[tuple[Position, bool]] = []
        for key, draft in zip(keys, drafts, strict=True):
            known = seen.get(key) if key else None
            if known is None:
                if key:
                    seen[key] = Known(following, fingerprint(draft))
                places.append((following, True))
                following += 1
            elif known.digest == fingerprint(draft):
                places.append((known.position, False))
            else:
                return IdConflict(id=draft.id, source=draft.source, position=known.position)
        return places

    def _wrong_revision(self, expected: dict[str, int]) -> WrongRevision | None:
        self._counts.update(draft.subject for draft in self.drafts[self._counted :])
        self._counted = len(self.drafts)
        for subject, revision in expected.items():
            actual = self._known.revision(subject) + self._counts[subject]
            if actual != revision:
                return WrongRevision(stream=subject, expected=revision, actual=actual)
        return None


def _too_large(batch: Batch) -> Rejected | None:
    if len(batch.drafts) > COMMIT_EVENTS:
        return Rejected(reason=f"a batch has at most {COMMIT_EVENTS} events, and this one has {len(batch.drafts)}")
    too_heavy = batch.weight > COMMIT_BYTES
    return TooLarge(what="The batch", size=batch.weight, limit=COMMIT_BYTES) if too_heavy else None


def _cursors(drafts: Sequence[Draft], first: Position) -> dict[str, tuple[str, Position]]:
    """The last cursor of each key. Runs of one key are the rule, so keys are cut out only where the key changes."""
    cursors: dict[str, tuple[str, Position]] = {}
    prefix: tuple[str, ...] | str = ()  # no cursor starts with one of no prefixes
    key, last, position = "", None, 0
    for position_now, draft in enumerate(drafts, first):
        cursor = draft.cursor
        if cursor is None:
            continue
        if not cursor.startswith(prefix):
            if last is not None:
                cursors[key] = (last, position)
            key = cursor_key(cursor)
            prefix = key + " "
        last, position = cursor, position_now
    if last is not None:
        cursors[key] = (last, position)
    return cursors
