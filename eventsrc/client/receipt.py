"""What became of one message."""

from __future__ import annotations

import enum
import threading

from eventsrc.errors import EventsrcError, NotDelivered, Rejected


class State(enum.Enum):
    """Where a message stands; all but the first are final."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    REFUSED = "refused"


class Receipt:
    """Given by `Client.send`. Any thread may wait for it."""

    __slots__ = ("_changed", "position", "reason", "state")

    def __init__(self, changed: threading.Condition) -> None:
        """`changed` is one for all receipts of a client: an event for each would weigh more than the message."""
        self._changed = changed
        self.state = State.WAITING
        self.position: int | None = None
        """Of the event in the log; None until it is durable, and for ever over ZeroMQ, which does not acknowledge."""
        self.reason = ""
        """Why it was dropped or refused."""

    def wait(self, seconds: float | None = None) -> int | None:
        """The position, once delivered. Raises Rejected (the recorder will never take it), NotDelivered (dropped, or
        not answered in time: it may still be delivered later)."""
        with self._changed:
            self._changed.wait_for(lambda: self.state is not State.WAITING, seconds)
        if self.state is State.DELIVERED:
            return self.position
        raise self._error()

    def settle(self, state: State, position: int | None = None, reason: str = "") -> None:
        """Final. The caller holds the condition and notifies."""
        assert self.state is State.WAITING, "a message has one fate"
        self.state, self.position, self.reason = state, position, reason

    def _error(self) -> EventsrcError:
        if self.state is State.REFUSED:
            return Rejected(reason=self.reason)
        return NotDelivered(reason=self.reason or "there was no answer in time")
