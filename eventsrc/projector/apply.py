"""Folding portions into one read model: all of them, each event exactly once, whatever goes wrong.

    fold … fold  →  flush  →  position  →  COMMIT

When the projection fails on the way, everything since the last commit is undone, its object (whose memory may be wrong
now) is thrown away, and the same events are applied one at a time: those that fail again become dead letters, each with
its reason, and all others are in the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventsrc.errors import ReadModelBroken
from eventsrc.event import Event, Position
from eventsrc.limits import APPLY_EVENTS
from eventsrc.plugin import Projection, Reading
from eventsrc.projector.attempt import Attempt
from eventsrc.projector.feed import Feed
from eventsrc.projector.portion import DeadLetter, Portion, dead_letter
from eventsrc.projector.store import Mark, Store, refused, translated


class ReadModel:
    """A store together with the projection object on it. One caller at a time; after an error it stands where the last
    commit left it and can go on."""

    def __init__(self, store: Store, feed: Feed, folder: str) -> None:
        self.store = store
        self._feed = feed
        self._folder = folder
        self._projection: Projection | None = None
        self._end = store.mark
        self._began = ""
        self._unread: list[DeadLetter] = []

    @property
    def position(self) -> Position:
        """The last event whose rows are committed."""
        return self.store.mark.position

    @property
    def end(self) -> Position:
        """The last event that is folded, committed or not."""
        return self._end.position

    @property
    def waiting(self) -> int:
        """How many events are folded and not committed."""
        return self._end.position - self.position

    def advance(self, until: Position, *, most: int = APPLY_EVENTS) -> None:
        """One batch: reads the log after the last commit up to `until`, but not much more than `most` events."""
        while self.end < until and self.waiting < most:
            self.fold(self._feed.portion(self.end, until))
        self.commit()

    def apply(self, portion: Portion) -> None:
        """A batch of one portion. One that was applied before changes nothing."""
        self.fold(portion)
        self.commit()

    def fold(self, portion: Portion) -> None:
        """Takes a portion into the open batch; `commit` makes it last. Bulk builds fold several per commit."""
        if portion.last <= self._end.position:
            return
        assert portion.first == self._end.position + 1, f"{portion.first} does not follow {self._end.position}"
        with self._undone_on_error():
            if not self.waiting:
                self.store.begin()
                self._began = portion.began
            projection = self._object()
            with Attempt() as attempt:
                for reading in portion.readings:
                    projection.fold(reading)
            if attempt.reason:
                self._one_by_one(portion.last)
                return
            self._unread += portion.unread
            self._end = Mark(portion.last, portion.digest, portion.ended)

    def commit(self) -> None:
        """Flushes the open batch and commits it with its position; without one it does nothing."""
        if not self.waiting:
            return
        with self._undone_on_error():
            projection = self._object()
            with Attempt() as attempt:
                projection.flush()
            if attempt.reason:
                self._one_by_one(self._end.position)
                return
            self._end_batch(self._end, self._unread)
            projection.committed()

    def recover(self) -> None:
        """Lets the projection cut the files beside its rows back to what the rows say. Before the first batch."""
        if self.store.projection.recover is Projection.recover:
            return
        with self._undone_on_error():
            self.store.begin()
            with Attempt() as attempt:
                self._object().recover()
            if attempt.reason:
                raise ReadModelBroken(name=self.store.name, reason=f"it cannot recover: {attempt.reason}")
            self._throw_away()

    def close(self) -> None:
        """Lets go of the projection object and of whatever was not committed. The store stays open."""
        self._throw_away()

    def _one_by_one(self, last: Position) -> None:
        """Applies everything after the last commit again, every event in a transaction of its own."""
        self._throw_away()
        for event, outcome in self._feed.singles(self.position, last):
            self._single(event, outcome)

    def _single(self, event: Event, outcome: Reading | DeadLetter) -> None:
        self.store.begin()
        self._began = event.recordedtime
        letters: list[DeadLetter] = []
        if isinstance(outcome, DeadLetter):
            letters.append(outcome)
        else:
            projection = self._object()
            with Attempt() as attempt:
                projection.fold(outcome)
                projection.flush()
            if attempt.reason:
                self._throw_away()
                self.store.begin()
                self._began = event.recordedtime
                letters.append(dead_letter(event, attempt.reason))
        self._end_batch(Mark(event.position, event.crc32, event.recordedtime), letters)
        if self._projection is not None:
            self._projection.committed()

    def _end_batch(self, mark: Mark, letters: list[DeadLetter]) -> None:
        if letters:
            self.store.bury(letters)
        self.store.commit(mark, began=self._began, letters=len(letters))
        self._end = mark
        self._unread = []

    def _object(self) -> Projection:
        """The projection's object; made anew, inside the transaction, after it was thrown away."""
        if self._projection is None:
            with Attempt() as attempt:
                self._projection = self.store.projection(self.store.connection, self._folder)
            if attempt.reason:
                raise ReadModelBroken(name=self.store.name, reason=f"it cannot start: {attempt.reason}")
        assert self._projection is not None
        return self._projection

    def _throw_away(self) -> None:
        """Back to the last commit, with no memory of what came after it."""
        self.store.rollback()
        self._end = self.store.mark
        self._unread = []
        projection, self._projection = self._projection, None
        if projection is not None:
            with Attempt():  # it may have failed half-way; nobody needs it any more
                projection.close()

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        with translated(self.store.name, self.store.path):
            try:
                yield
            except OSError as error:
                self._throw_away()
                raise refused(self.store.name, self._folder, error) from error
            except BaseException:
                self._throw_away()
                raise
