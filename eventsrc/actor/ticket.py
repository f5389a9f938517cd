"""A one-shot answer to something that was put into a mailbox."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

import anyio
import anyio.lowlevel

T = TypeVar("T")


class Ticket(Generic[T]):
    """Travels with a request; whoever serves the request answers it exactly once.

    Any number of tasks may wait, before and after the answer. A waiter that is cancelled takes nothing from the
    others and does not withdraw the request. A failed ticket that nobody waits for stays silent: the failure has
    its own way to be heard. Belongs to one event loop; from another thread, hand the answer over first.
    """

    __slots__ = ("_answered", "_error", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        """True once there is an answer of either kind."""
        self._answered: anyio.Event | None = None  # made by the first one that has to wait
        self._value: T | None = None
        self._error: Exception | None = None

    @property
    def failure(self) -> Exception | None:
        """What it was failed with; None as long as it was not."""
        return self._error

    def set(self, value: T) -> None:
        """Answers with a value."""
        assert not self.done, "a ticket is answered once"
        self._value = value
        self._answer()

    def fail(self, error: Exception) -> None:
        """Answers with an error, which `wait` raises."""
        assert not self.done, "a ticket is answered once"
        self._error = error
        self._answer()

    async def wait(self) -> T:
        """The value, or raises what `fail` was given. Waits as long as it takes: put a deadline around it."""
        if self.done:
            await anyio.lowlevel.checkpoint()  # waiting is always a chance for others, and for a cancellation
        else:
            if self._answered is None:
                self._answered = anyio.Event()
            await self._answered.wait()
        if self._error is not None:
            raise self._error
        return cast(T, self._value)  # None is a value too, when T allows it

    def _answer(self) -> None:
        self.done = True
        if self._answered is not None:
            self._answered.set()
