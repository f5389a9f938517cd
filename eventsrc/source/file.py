"""Visiting one growing file: one thread hop looks into it, decides whether it is still the same file and cuts what is
new into batches; then they are handed over. One visit reads one block, so that files take turns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, TypeVar

import anyio
import anyio.to_thread

from eventsrc.limits import OPEN_FILES, READING_FILES, TURN_FILES
from eventsrc.source.block import Moved, Oversized, Unreadable
from eventsrc.source.cut import Batch, marked
from eventsrc.source.notice import begun_anew, copied, notice
from eventsrc.source.outbox import Outbox
from eventsrc.source.place import Volumes
from eventsrc.source.step import Found, Step, as_copy, step_lines, step_through, step_whole
from eventsrc.source.tail import Tail
from eventsrc.source.work import Work

T = TypeVar("T")
Outcome: TypeAlias = Literal["more", "end", "moved", "gone", "copies", "stranger"]
"""What a visit ends with: there is more to read · nothing more now · another file stands at the path · no file does, or
it cannot be read · its content went away, so copies of it are looked for first · it is no copy, so it is not ours."""


class Files:
    """Reads files for one source: owns the threads, the open descriptors and the way from bytes to batches."""

    def __init__(self, volumes: Volumes, work: Work, outbox: Outbox) -> None:
        self._volumes = volumes
        self._work = work
        self._outbox = outbox
        self._limiter = anyio.CapacityLimiter(READING_FILES)
        self._open: OrderedDict[str, Tail] = OrderedDict()

    async def look(self, turn: Sequence[Tail]) -> Sequence[Found | None]:
        """Looks into several files in one hop; a single one is left to its visit."""
        if len(turn) == 1:
            return (None,)
        self._work.hops += 1
        return await anyio.to_thread.run_sync(step_through, turn, self._volumes, self._work, limiter=self._limiter)

    async def visit(self, tail: Tail, found: Found | None = None) -> Outcome:
        """Reads the next block of a file, unless a look has `found` it already, and hands it over. What goes wrong is
        recorded once and told by the answer."""
        try:
            return await self._visit(tail, found)
        except Moved:
            tail.close()
            return "moved"
        except Unreadable as error:
            if error.args:
                await self._trouble(tail, error.args[0])
            return "gone"
        finally:
            self._keep(tail)

    def close(self) -> None:
        for tail in self._open.values():
            tail.close()
        self._open.clear()

    async def _visit(self, tail: Tail, found: Found | None) -> Outcome:
        if tail.original is not None and not await self._start_of_copy(tail):
            return "stranger"
        if tail.emptied:
            return "copies"
        step = await self._step(tail, found)
        tail.size = step.size
        await self._trouble(tail, "")
        if step.verdict != "same":
            return await self._begin_anew(tail, step)
        for batch in step.batches:
            await self._hand_over(tail, batch)
        if step.oversized is not None:
            return await self._oversized(tail, step.oversized)
        return "more" if step.more else "end"

    async def _step(self, tail: Tail, found: Found | None) -> Step:
        if found is None or found.place is not tail.place:
            return await self._run(step_whole if tail.whole else step_lines, tail, self._volumes, self._work)
        if isinstance(found.step, OSError):
            raise _unreadable(found.step) from found.step
        if isinstance(found.step, Moved):
            raise found.step
        return found.step

    async def _hand_over(self, tail: Tail, batch: Batch) -> None:
        if batch.records:
            await self._outbox.send(tail, marked(batch), batch.place)
        else:  # empty lines only: passed here, and once more after a restart
            tail.place = batch.place

    async def _begin_anew(self, tail: Tail, step: Step) -> Outcome:
        """The content is another one: what a copy may still hold comes first, then the fact, then the new content."""
        if tail.sought != tail.place.state:
            tail.before = tail.place
            return "copies"
        record = begun_anew(step.verdict, tail.path, tail.place, step.size)
        await self._outbox.send(tail, [record], tail.place.anew())
        tail.copy_found, tail.searched = False, 0
        return "more"

    async def _oversized(self, tail: Tail, line: Oversized) -> Outcome:
        fd = tail.fd
        assert fd is not None, "an oversized line was found through an open file"
        while not await self._run(line.hash_on, fd, self._work):
            pass
        batch = await self._run(line.stub, fd)
        if batch is not None:
            await self._hand_over(tail, batch)
        return "more"

    async def _start_of_copy(self, tail: Tail) -> bool:
        """Decides once whether a file is a copy of the one that it is named after, so that nothing is read twice.
        False when it is none, and for that reason none of ours."""
        assert tail.original is not None
        original, tail.original = tail.original, None
        place = original.before or original.place
        found = await self._run(as_copy, tail, place, self._volumes, self._work)
        if found is not None:
            original.copy_found = True
            await self._outbox.send(tail, [copied(tail.path, original.path, found)], found)
        return found is not None or original.copy_found or not tail.only_copy

    async def _trouble(self, tail: Tail, problem: str) -> None:
        """Records that a file cannot be read, and that it can be again; each once."""
        if problem == tail.problem:
            return
        kind, facts = ("unreadable", {"reason": problem}) if problem else ("readable", {})
        tail.problem = problem
        record = notice(kind, tail.path, f"{tail.place.prefix}{tail.place.offset}", **facts)
        await self._outbox.send(tail, [record], None)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        """One hop. Only what fails here is about the file: what the log raises is not."""
        self._work.hops += 1
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limiter)
        except OSError as error:
            raise _unreadable(error) from error

    def _keep(self, tail: Tail) -> None:
        """Keeps the most recently visited files open: they are read to their end even when they are deleted."""
        self._open.pop(tail.key, None)
        if tail.fd is not None:
            self._open[tail.key] = tail
        while self._open and len(self._open) > OPEN_FILES - READING_FILES * TURN_FILES:
            self._open.popitem(last=False)[1].close()


def _unreadable(error: OSError) -> Unreadable:
    """A file that is gone is no trouble that has to be told."""
    return Unreadable() if isinstance(error, FileNotFoundError) else Unreadable(error.strerror or str(error))
