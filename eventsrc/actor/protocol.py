"""What everything that the supervisor runs looks like."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Actor(Protocol):
    """A loop with a name."""

    @property
    def name(self) -> str:
        """Unique within one service, e.g. `log`, `projector:agents`; stands in metrics, logs and drain reports."""
        ...

    async def run(self) -> None:
        """Works until its senders have closed, then returns: closing is how an actor is asked to stop.

        What it does not expect leaves as an exception. Cancellation is the fall-back of a drain that took too long;
        an actor must not swallow it, and what it had in hand is then found again in the log or in the source.
        """
        ...
