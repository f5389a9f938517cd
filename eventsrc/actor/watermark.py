"""A position that only grows, and that others wait for: how the log says "grown to N"."""

from __future__ import annotations

import anyio

from eventsrc.event import Position


class Watermark:
    """A nudge, never the data: whoever is woken reads the files up to `position` at its own pace.

    Steps may be skipped: a waiter that was busy while the position grew twice sees the last value once. Belongs to
    one event loop.
    """

    def __init__(self, position: Position = 0) -> None:
        self._position = position
        self._changed = anyio.Event()
        self._closed = False

    @property
    def position(self) -> Position:
        """Everything up to here, inclusive, is there."""
        return self._position

    @property
    def closed(self) -> bool:
        """True when the position will not grow any more."""
        return self._closed

    def advance(self, position: Position) -> None:
        """Moves on to `position` and wakes everyone who waits for less."""
        assert position >= self._position, f"a watermark never goes back: {self._position} -> {position}"
        assert not self._closed, "a closed watermark does not move"
        if position > self._position:
            self._position = position
            self._wake()

    def close(self) -> None:
        """Says that the position is final, so that waiters finish what is there and then end."""
        self._closed = True
        self._wake()

    async def beyond(self, position: Position) -> Position:
        """Waits until there is something after `position` and returns how far it goes.

        Raises `anyio.EndOfStream` when the watermark is closed and there is nothing after `position`.
        """
        while self._position <= position:
            if self._closed:
                raise anyio.EndOfStream
            await self._changed.wait()
        return self._position

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
