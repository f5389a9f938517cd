"""When to look where: hints at once, everything else in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.to_thread

from eventsrc.source.pace import DUTY, Pace
from eventsrc.source.pattern import Root
from eventsrc.source.tree import Look, Tree
from eventsrc.source.watch import Hints, Watch

Learn = Callable[[Look, bool], Awaitable[None]]
"""Takes what a look found, and whether it was a periodic one."""


class Lookout:
    """Runs the looks of one source, one at a time. `hint(path)` is told that a file's content changed and says whether
    that was enough; otherwise the folder is listed."""

    def __init__(
        self, tree: Tree, roots: Sequence[Root], pace: Pace, learn: Learn, hint: Callable[[str], bool]
    ) -> None:
        self._tree = tree
        self._roots = roots
        self._pace = pace
        self._learn = learn
        self._hint = hint
        self._suspected: dict[str, None] = {}
        self._wake = anyio.Event()
        self._limiter = anyio.CapacityLimiter(1)
        self._lock = anyio.Lock()
        self.watching = False
        """Whether hints arrive."""

    def suspect(self, path: str) -> None:
        """Asks for a look at a path, soon."""
        self._suspected[path] = None
        self._wake.set()

    async def look_once(self) -> None:
        """One pass over everything."""
        await self._look(self._tree.look, periodic=True)

    async def look_now(self, path: str) -> None:
        """One pass over the folder of a path."""
        await self._look(lambda: self._tree.look_at([path]), periodic=False)

    async def run(self, hints: bool) -> None:
        """Looks for ever. With `hints`, a folder in which nothing happens is only looked at now and then; without, or
        while the system gives none, every periodic look is at everything."""
        watch = Watch(self._roots, self._take_hints)
        async with anyio.create_task_group() as tasks:
            await self.look_once()
            scope: anyio.CancelScope | None = None
            while True:
                if hints and watch.stale():
                    if scope is not None:
                        scope.cancel()
                    scope, stands = anyio.CancelScope(), anyio.Event()
                    tasks.start_soon(self._watch, watch, scope, stands)
                    await stands.wait()
                    self.watching = not watch.problem
                    await self.look_once()  # what happened before the watch stood
                await self._look_at_suspects(self._pace.seconds)
                self.watching = scope is not None and not watch.problem
                look = await self._look(self._tree.look_some if self.watching else self._tree.look, periodic=True)
                self._pace.looked(bool(look.seen or look.gone))

    async def _watch(self, watch: Watch, scope: anyio.CancelScope, stands: anyio.Event) -> None:
        with scope:
            await watch.run(stands.set)

    async def _look_at_suspects(self, seconds: float) -> None:
        """Until the next periodic look: lists the folders that hints point at, as long as that stays cheap."""
        end = anyio.current_time() + seconds
        while (left := end - anyio.current_time()) > 0:
            with anyio.move_on_after(left):
                await self._wake.wait()
            if self._suspected:
                suspected, self._suspected, self._wake = self._suspected, {}, anyio.Event()
                began = anyio.current_time()
                await self._look(lambda: self._tree.look_at(suspected), periodic=False)  # noqa: B023 - awaited here
                await anyio.sleep(DUTY * (anyio.current_time() - began))

    async def _look(self, look: Callable[[], Look], periodic: bool) -> Look:
        async with self._lock:  # what was seen earlier is learned earlier
            found = await anyio.to_thread.run_sync(look, limiter=self._limiter)
            await self._learn(found, periodic)
            return found

    def _take_hints(self, hints: Hints) -> None:
        for content, path in hints:
            if not (content and self._hint(path)):
                self.suspect(path)
