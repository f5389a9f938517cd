"""Whose turn it is: files that have something to read, each once, in the order in which they asked."""

from __future__ import annotations

from collections import OrderedDict

import anyio

from eventsrc.limits import BATCH_BYTES, TURN_FILES
from eventsrc.source.tail import Tail


class Ready:
    """A fair queue. A file is visited by one task at a time; asking again meanwhile is remembered, not doubled."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Tail] = OrderedDict()
        self._visited: dict[str, bool] = {}
        """Key of a file that is being visited → whether it was asked for again meanwhile."""
        self._stopped = False
        self._changed = anyio.Event()

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._visited

    def put(self, tail: Tail) -> None:
        """Asks for a visit; a file that waits for another one is put by that one's end."""
        if tail.waits or self._stopped:
            return
        if tail.key in self._visited:
            self._visited[tail.key] = True
        elif tail.key not in self._waiting:
            self._waiting[tail.key] = tail
            self._tell()

    async def take(self) -> list[Tail]:
        """Waits for the next file. Those behind it come along while all of them have so little to read that one hop
        does for it."""
        while not self._waiting:
            await self._changed.wait()
        turn = [self._next()]
        left = BATCH_BYTES - turn[0].unread
        while turn[0].light and self._waiting and len(turn) < TURN_FILES:
            tail = next(iter(self._waiting.values()))
            left -= tail.unread
            if left < 0 or not tail.light:
                break
            turn.append(self._next())
        return turn

    def _next(self) -> Tail:
        key, tail = self._waiting.popitem(last=False)
        self._visited[key] = False
        return tail

    def done(self, tail: Tail, more: bool) -> None:
        """Ends a visit; with `more`, or when it was asked for meanwhile, the file queues up again at the end."""
        if self._visited.pop(tail.key) or more:
            self.put(tail)
            if tail.packed and more:  # read on before it has to be unpacked once more
                self._waiting.move_to_end(tail.key, last=False)
        self._tell()

    async def until_idle(self) -> None:
        """Returns when nobody waits and nobody is visited."""
        while not self.idle:
            await self._changed.wait()

    async def stop(self) -> None:
        """Returns when no visit is under way; nothing is given out any more."""
        self._stopped = True
        self._waiting.clear()
        await self.until_idle()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
