"""Counts what became durable, for the report, the progress bar and `Work`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from eventsrc.event import Record
from eventsrc.source.notice import shown
from eventsrc.source.place import Place
from eventsrc.source.port import Progress, Report
from eventsrc.source.tail import Tail
from eventsrc.source.work import Work


class Tally:
    """Told of every batch that became durable."""

    def __init__(self, work: Work, progress: Progress | None) -> None:
        self.report = Report()
        self.changes: Counter[str] = Counter()
        """Followed files that became others, by what happened: `rewritten`, `truncated`, `rotated`."""
        self._work = work
        self._progress = progress
        self._done = 0
        self._total = 0

    def start(self, tails: Iterable[Tail]) -> None:
        """The files that there are, before the first is read."""
        for tail in tails:
            self.report.files += 1
            self._total += tail.size
            if tail.durable is not None:
                self.report.known += tail.durable.records
                self._done += min(tail.size, tail.durable.offset)
        self._tell()

    def settled(self, tail: Tail, records: Sequence[Record], before: Place | None) -> None:
        """A batch is durable; `before` is where the file stood in the log until now."""
        self._work.batches += 1
        self._work.records += len(records)
        place, notice = tail.durable, records[0].envelope
        if notice is not None:
            self.changes[notice.type.removeprefix("eventsrc.source.")] += 1
        if notice is not None and notice.type == "eventsrc.source.oversize":
            self.report.oversize += 1
        elif notice is not None or place is None:
            return
        assert place is not None, "a stub carries a place"
        start = before if before is not None and before.generation == place.generation else Place(place.key)
        self.report.read += len(records)
        if not tail.whole:
            self.report.bytes += place.offset - start.offset
            self.report.blank += place.lines - start.lines - len(records)
        self._done += place.offset - start.offset
        self._tell()

    def finish(self, tails: Iterable[Tail], problems: dict[str, str]) -> Report:
        """The report, with what was left."""
        report = self.report
        report.problems.update({shown(path): reason for path, reason in problems.items()})
        for tail in tails:
            if tail.problem:
                report.problems[shown(tail.path)] = tail.problem
            elif (rest := tail.size - tail.place.offset) > 0:
                report.unfinished[shown(tail.path)] = rest
        return report

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)
