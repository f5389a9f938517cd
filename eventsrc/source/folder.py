"""Following files: paths, folders and globs, for ever or once to the end.

Hints say where to look at once, periodic looks find what hints missed, and nothing is believed but what a read at the
cursor shows. Files take turns, one block at a time, and each has a few batches on their way to the log at most.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from eventsrc.actor import Ticket
from eventsrc.event import Appended, Record
from eventsrc.limits import DRAIN_SECONDS, READING_FILES
from eventsrc.source.file import Files, Outcome
from eventsrc.source.lookout import Lookout
from eventsrc.source.notice import notice, rotated, shown, vanished
from eventsrc.source.outbox import Outbox
from eventsrc.source.pace import Pace
from eventsrc.source.pattern import roots
from eventsrc.source.place import Volumes, digest, written
from eventsrc.source.port import Cursors, Deliver, Progress, Report, SourcePosition
from eventsrc.source.ready import Ready
from eventsrc.source.roster import Roster
from eventsrc.source.tail import Tail
from eventsrc.source.tally import Tally
from eventsrc.source.tree import Look, Tree
from eventsrc.source.work import Work


class Follow:
    """A source of records from files. `targets` are paths, folders (in them `.jsonl` and `.sse` files, rollouts that
    were packed, agents' sidecars) or globs; `cursors` tells what the log holds already. With `once`, `run` returns when
    everything complete that is there is durable, and `report` says what that was. `hints=False` leaves it to the
    periodic looks."""

    kind = "folder"

    def __init__(
        self,
        targets: Sequence[str | Path],
        cursors: Cursors,
        *,
        once: bool = False,
        progress: Progress | None = None,
        hints: bool = True,
        pace: Pace | None = None,
    ) -> None:
        self.name = ":".join(["folder", *map(str, targets[:1])]) + (f"+{len(targets) - 1}" if len(targets) > 1 else "")
        self.work = Work()
        self._roots = roots(targets)
        self._cursors = cursors
        self._once = once
        self._progress = progress
        self._hints = hints
        self._pace = pace or Pace()
        self._stop = anyio.Event()
        self._outbox = Outbox(_nowhere, lambda tail, records, before: None)
        self._begin()

    @property
    def report(self) -> Report:
        """What was done since `run` began."""
        return self._tally.report

    @property
    def changes(self) -> Mapping[str, int]:
        """What happened to followed files since `run` began: `rewritten`, `truncated`, `rotated` … → how often."""
        return self._tally.changes

    def positions(self) -> list[SourcePosition]:
        """Where each file stands, and which folders cannot be looked at; from memory, a few microseconds per file."""
        files = [
            SourcePosition(
                "file", shown(tail.path), written(tail.durable) if tail.durable else None, tail.behind, tail.problem
            )
            for tail in self._roster.tails.values()
        ]
        return files + [SourcePosition("folder", shown(path), None, 0, why) for path, why in self._problems.items()]

    @property
    def watching(self) -> bool:
        """Whether hints arrive; without them an appended line waits for the next look."""
        return self._lookout.watching

    def stop(self) -> None:
        """Asks `run` to return once what was handed over is durable."""
        self._stop.set()

    async def run(self, deliver: Deliver) -> None:
        """Reads until stopped, cancelled, or (once) at the end. May be run again after it ended: it then waits until
        nothing of the last run is on its way any more, and starts from what the log says."""
        with anyio.fail_after(DRAIN_SECONDS):
            await self._outbox.until_answered()
        self._begin()
        self._outbox = outbox = Outbox(deliver, self._tally.settled)
        self._files = Files(self._volumes, self.work, outbox)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outbox.run)
                for _ in range(READING_FILES):
                    tasks.start_soon(self._read)
                await (self._to_the_end() if self._once else self._for_ever())
                await outbox.until_settled()
                tasks.cancel_scope.cancel()
        except ExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None  # what went wrong, not that it went wrong in a task
            raise
        finally:
            self._files.close()

    def _begin(self) -> None:
        self._volumes = Volumes()
        self._roster = Roster(self._cursors)
        tree = Tree(self._roots, self._volumes, self.work, self._roster.tracked)
        self._lookout = Lookout(tree, self._roots, self._pace, self._learn, self._hint)
        self._ready = Ready()
        self._tally = Tally(self.work, self._progress)
        self._problems: dict[str, str] = {}
        """Folders, and files asked for by name, that cannot be looked at."""
        self._troubled: dict[str, Tail] = {}
        """Files that could not be read when they were last visited."""

    async def _to_the_end(self) -> None:
        await self._lookout.look_once()
        self._tally.start(self._roster.tails.values())
        await self._ready.until_idle()
        assert not any(tail.waits for tail in self._roster.tails.values()), "a file still waits for another one"
        missing = {
            root.path: "no such file" for root in self._roots if root.exact and self._roster.at(root.path) is None
        }
        self._tally.finish(self._roster.tails.values(), {**missing, **self._problems})

    async def _for_ever(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._lookout.run, self._hints)
            await self._stop.wait()
            tasks.cancel_scope.cancel()
        await self._ready.stop()

    # --- what looks and hints mean -----------------------------------------------------------------------------------

    async def _learn(self, look: Look, periodic: bool) -> None:
        await self._tell_problems(look)
        for tail in self._roster.take(look, periodic and not self._once):
            self._ready.put(tail)
        if periodic:
            for tail in self._troubled.values():
                self._ready.put(tail)
            self._troubled.clear()

    def _hint(self, path: str) -> bool:
        """A hint that a file's content changed; False when no followed file stands there."""
        tail = self._roster.at(path)
        if tail is not None:
            self._ready.put(tail)
        return tail is not None

    async def _tell_problems(self, look: Look) -> None:
        """Records that a folder cannot be looked at, and that it can be again; each once."""
        for path, problem in look.problems.items():
            if self._problems.get(path) != problem:
                self._problems[path] = problem
                await self._outbox.tell(
                    notice("unreadable", path, f"folder:{digest(os.fsencode(path))}", reason=problem)
                )
        well = {*look.looked, *(seen.path for seen in look.seen)} if self._problems else set[str]()
        for path in well & self._problems.keys():
            del self._problems[path]
            await self._outbox.tell(notice("readable", path, f"folder:{digest(os.fsencode(path))}"))

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """One of a few tasks that visit files in turn."""
        while True:
            turn = await self._ready.take()
            for tail, found in zip(turn, await self._files.look(turn), strict=True):
                more = False
                try:
                    more = await self._after(tail, await self._files.visit(tail, found))
                finally:
                    self._ready.done(tail, more)

    async def _after(self, tail: Tail, outcome: Outcome) -> bool:
        """What a visit's outcome means; True when the file wants another visit."""
        if outcome == "more":
            return True
        if outcome == "copies":
            await self._lookout.look_now(tail.path)
            copies = self._roster.seek_copies(tail)
            for copy in copies:
                self._ready.put(copy)
            return not copies
        if outcome in ("moved", "gone") and tail.paths:
            self._lookout.suspect(tail.path)
            if tail.problem and not tail.refused_ns:
                self._troubled[tail.key] = tail
        if outcome != "moved" or not tail.paths:
            await self._end(tail, stranger=outcome == "stranger")
        return False

    async def _end(self, tail: Tail, stranger: bool) -> None:
        """Nothing more can be read of it now: those that waited for it have their turn."""
        if tail.rotated and not tail.whole:
            record = rotated(tail.rotated, tail.path if tail.paths else None, tail.place)
            await self._outbox.send(tail, [record], None)
        elif tail.leaving and not stranger:
            await self._outbox.send(tail, [vanished(tail.path, tail.place, tail.size)], None)
        tail.rotated = ""
        if tail.leaving or stranger:
            self._roster.drop(tail)
        for waiting in tail.release():
            self._ready.put(waiting)


async def _nowhere(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
    raise AssertionError("nothing is handed over before the source runs")
