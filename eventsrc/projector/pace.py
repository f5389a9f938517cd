"""Keeping live read models in step, so that the log is decoded once for all of them.

Whoever stands where the others stand sets out with them, for one portion of the log, and nobody sets out again before
all of them have arrived. Without this, whichever model commits quickest runs ahead, the others find its portions
forgotten, and each decodes the log by itself, just when there is most to do.

*What survives a crash here*: nothing, and nothing has to. What is said here is advice: no answer depends on it.
"""

from __future__ import annotations

import anyio

from eventsrc.event import Position
from eventsrc.limits import APPLY_EVENTS, STRAGGLER_SECONDS


class Pace:
    """Shared by the projectors of one event loop, which are known by their names."""

    def __init__(self) -> None:
        self._start: Position = 0
        """Where those who are in step set out from."""
        self._head: Position = 0
        """How far the log goes for them: the same for all, so that their portions are the same."""
        self._under_way: dict[str, Position] = {}
        """Those who set out and have not arrived, and from where."""
        self._held_up: dict[str, Position] = {}
        """Those who were waited for too long, and where they stood: nobody waits for them until they move again."""
        self._arrived = anyio.Event()

    async def set_out(self, name: str, position: Position, head: Position) -> Position:
        """Returns when the projector `name`, which stands at `position`, is to read the next portion, and how far the
        log goes for it: beyond `position`, and no further than any of them was told.

        Who has arrived waits for the others, but not longer than STRAGGLER_SECONDS: who is held up by a lock or a full
        disk, or is more than a batch behind, goes alone until it stands where they set out from."""
        assert position < head, f"{name} is at {position}, there is nothing up to {head}"
        self.leave(name)
        with anyio.move_on_after(STRAGGLER_SECONDS):
            while self._under_way and position > self._start:
                await self._arrived.wait()
        if position > self._start or not self._head:
            self._start, self._head = position, head
            self._held_up |= self._under_way
            self._under_way.clear()
        if self._held_up.get(name) != position:
            self._held_up.pop(name, None)
            if position >= self._start - APPLY_EVENTS:
                self._under_way[name] = position
        return self._head if position == self._start else self._start

    def leave(self, name: str) -> None:
        """It has arrived, or goes no further: nobody waits for it."""
        if name in self._under_way:
            del self._under_way[name]
            self._arrived.set()
            self._arrived = anyio.Event()
