"""What every way of delivery offers to the client's thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Refusal(Exception):
    """The recorder will never take one message of a batch, and stored none of it."""

    def __init__(self, reason: str, index: int | None) -> None:
        """`index`: which one; None when all of them are meant."""
        super().__init__(reason)
        self.index = index


class Road(Protocol):
    """Used by one thread, but for `interrupt`."""

    @property
    def acknowledges(self) -> bool:
        """Whether delivered means durable."""
        ...

    def deliver(self, key: str, lines: Sequence[bytes]) -> Sequence[int | None]:
        """Positions of the first lines, at least one; None where there is no acknowledgement. Raises TryAgain, Refusal.

        The same `key` with the same lines is one request, however often it is made."""
        ...

    def interrupt(self) -> None:
        """Makes a `deliver` under way end soon."""
        ...

    def close(self, linger: float) -> None:
        """Lets go of everything within so many seconds."""
        ...
