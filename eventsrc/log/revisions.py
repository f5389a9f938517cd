"""Numbers within streams, given out as a group is gathered. Pure, given what the log knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count


class Revisions:
    """What each stream of a group has reached."""

    def __init__(self, known: Callable[[str], int]) -> None:
        """`known` is asked once for each stream that the group touches."""
        self._known = known
        self.last: dict[str, int] = {}
        """The last revision of each stream in which a number was given out."""

    def of(self, subject: str) -> int:
        """The last revision of a stream, this group included."""
        last = self.last.get(subject)
        return self._known(subject) if last is None else last

    def number(self, subjects: Sequence[str]) -> Sequence[int]:
        """The next revision for each of these events, in order."""
        if not subjects:
            return ()
        subject = subjects[0]
        if subjects.count(subject) == len(subjects):
            before = self.of(subject)
            last = self.last[subject] = before + len(subjects)
            return range(before + 1, last + 1)
        counters = _Counters(self.of)
        numbers = list(map(next, map(counters.__getitem__, subjects)))
        self.last.update((subject, next(counter) - 1) for subject, counter in counters.items())
        return numbers


class _Counters(dict[str, Iterator[int]]):
    """A counter for each stream, made when it is first met: streams may take turns with every event, so that nothing
    but a look-up may happen for each."""

    def __init__(self, last: Callable[[str], int]) -> None:
        super().__init__()
        self._last = last

    def __missing__(self, subject: str) -> Iterator[int]:
        counter = self[subject] = count(self._last(subject) + 1)
        return counter
