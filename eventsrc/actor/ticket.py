"""A one-shot answer to something that was put into a mailbox."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Ticket(Generic[T]):
    """Travels with a request; whoever serves the request answers it exactly once.

    Any number of tasks may wait, before and after the answer. A waiter that is cancelled takes nothing from the
    others and does not withdraw the request. A failed ticket that nobody waits for stays silent: the failure has
    its own way to be heard. Belongs to one event loop; from another thread, hand the answer over first.

    Every record that comes alone has one, so it waits on the loop's own futures: an `anyio.Event` would double the
    price of a ticket. Cancelling a scope reaches a future like everything else that a task waits for.
    """

    __slots__ = ("_error", "_value", "_waiting", "done")

    def __init__(self) -> None:
        self.done = False
        """True once there is an answer of either kind."""
        self._waiting: list[asyncio.Future[None]] = []  # one for each waiter, so that cancelling one leaves the others
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
            await asyncio.sleep(0)  # waiting is always a chance for others, and for a cancellation
        else:
            await self._until_answered()
        if self._error is not None:
            raise self._error
        return cast(T, self._value)  # None is a value too, when T allows it

    async def _until_answered(self) -> None:
        answered = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        try:
            await answered
        finally:
            self._waiting.remove(answered)

    def _answer(self) -> None:
        self.done = True
        for answered in self._waiting:
            if not answered.done():  # else its waiter was cancelled, and has not run since
                answered.set_result(None)
