"""A clock whose hands a test turns, and whose sleep ends exactly when they pass."""

from __future__ import annotations

import heapq
import itertools

import anyio
import anyio.lowlevel
from anyio import wait_all_tasks_blocked


class ManualClock:
    """Time stands still until `advance` or `jump`; pass it as the `Clock`, and its `sleep` as the sleep.

        clock = ManualClock()
        ...start tasks that use clock.sleep...
        await clock.advance(10)      # every sleeper whose time has come has run until it waits again

    `jump` moves the wall clock alone, as an administrator does: durations do not change.
    """

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        """`now`: seconds since the epoch at the start (default 2026-01-01T00:00:00Z)."""
        self._wall = now
        self._mono = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._came = anyio.Event()

    def now(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._mono

    @property
    def sleeping(self) -> int:
        """How many tasks sleep now."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Returns when the hands have passed that point; at once for 0 or less."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        entry = (self._mono + seconds, next(self._order), anyio.Event())
        heapq.heappush(self._sleepers, entry)
        self._came.set()
        try:
            await entry[2].wait()
        finally:
            if entry in self._sleepers:  # cancelled
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def asleep(self, tasks: int = 1) -> None:
        """Waits until at least so many tasks sleep."""
        while self.sleeping < tasks:
            self._came = anyio.Event()
            await self._came.wait()

    async def advance(self, seconds: float) -> None:
        """Turns the hands forward, waking each sleeper at its own time and letting it run before the next."""
        assert seconds >= 0, "time only goes forward; see `jump` for the wall clock"
        end = self._mono + seconds
        await wait_all_tasks_blocked()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, event = heapq.heappop(self._sleepers)
            self._move_to(max(due, self._mono))
            event.set()
            await wait_all_tasks_blocked()
        self._move_to(end)

    def jump(self, seconds: float) -> None:
        """Sets the wall clock forward or back without any time passing."""
        self._wall += seconds

    def _move_to(self, mono: float) -> None:
        self._wall += mono - self._mono
        self._mono = mono
