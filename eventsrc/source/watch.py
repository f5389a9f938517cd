"""What the operating system says has changed: hints, only ever used to look sooner.

Hints get lost (queue overflow, limits, network file systems, links to outside), so nothing depends on them but delay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
from watchfiles import Change, watch

from eventsrc.limits import WATCH_GROUP_MS, WATCH_STEP_MS
from eventsrc.source.pattern import Root

STANDING_MS = 500
"""A watch that was silent this long stands; a look after that misses nothing."""

Hints = list[tuple[bool, str]]
"""(Only its content changed, path)."""


class Watch:
    """Hints for the folders of some roots. Started anew when a folder appears, or another one takes its place."""

    def __init__(self, roots: Sequence[Root], tell: Callable[[Hints], None]) -> None:
        self._deep = {root.folder: root.depth != 0 for root in roots}
        for root in roots:
            self._deep[root.folder] |= root.depth != 0
        self._tell = tell
        self.problem = ""
        """Why there are no hints; empty while there are."""
        self._watched: dict[str, int] = {}
        self._starting = 0
        """Watches that do not stand yet."""

    def stale(self) -> bool:
        """Whether the folders that exist are other ones than those that are watched."""
        return self._standing() != self._watched

    async def run(self, started: Callable[[], None]) -> None:
        """Tells hints until cancelled, or until the system gives none; then `problem` says why. `started` is called
        when the watch stands, or cannot: a look after that misses nothing."""
        self._watched = self._standing()
        self.problem = "" if self._watched else "no folder to watch yet"
        stop = threading.Event()
        groups = [group for deep in (True, False) if (group := self._group(deep))]
        self._starting = len(groups)
        async with anyio.create_task_group() as tasks:
            for group in groups:
                tasks.start_soon(self._watch, group, stop, started)
            if not groups:
                started()
            tasks.start_soon(_set_at_end, stop)

    def _group(self, deep: bool) -> list[str]:
        return [folder for folder in self._watched if self._deep[folder] is deep]

    async def _watch(self, folders: list[str], stop: threading.Event, started: Callable[[], None]) -> None:
        standing = False

        def tell(hints: Hints) -> None:
            nonlocal standing
            if not standing:
                standing = True
                self._stands(started)
            if hints:
                self._tell(hints)

        limiter = anyio.CapacityLimiter(1)  # it stays in its thread for ever: never one of the shared ones
        try:
            await anyio.to_thread.run_sync(self._listen, folders, stop, tell, limiter=limiter)
        except (OSError, RuntimeError) as error:  # inotify limits, folders that vanished, errors of the watch itself
            self.problem = str(error)
            if not standing:
                self._stands(started)

    def _stands(self, started: Callable[[], None]) -> None:
        self._starting -= 1
        if not self._starting:
            started()

    def _listen(self, folders: list[str], stop: threading.Event, tell: Callable[[Hints], None]) -> None:
        for changes in watch(
            *folders,
            watch_filter=None,
            debounce=WATCH_GROUP_MS,
            step=WATCH_STEP_MS,
            stop_event=stop,
            rust_timeout=STANDING_MS,
            yield_on_timeout=True,  # the first time-out says that the watch stands
            recursive=self._deep[folders[0]],
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            hints = [(change is Change.modified, path) for change, path in changes]
            if hints or self._starting:
                anyio.from_thread.run_sync(tell, hints)

    def _standing(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder in self._deep:
            try:
                found[folder] = Path(folder).stat().st_ino
            except OSError:
                continue
        return found


async def _set_at_end(stop: threading.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
