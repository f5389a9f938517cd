"""eventsrc: an append-only log of JSON Lines for what AI agents do, and read models built from it.

The small public API opens a store in a directory and appends, reads and follows, from synchronous code:

    import eventsrc

    with eventsrc.open("my-data") as store:
        answer = store.append([{"hello": "world"}], subject="greetings", type="greeting.said")
        print(answer.positions)                              # (1,)
        for event in store.read():
            print(event.position, event.type, event.raw)     # 1 greeting.said b'{"hello":"world"}'

An append returns after the events are durable. One process writes to a directory at a time; any number read. Read
models and everything that follows files by itself belong to the service: see `eventsrc serve`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventsrc.event import Appended, Event, Position
    from eventsrc.store import Store, open

__version__ = "0.1.0"

__all__ = ["Appended", "Event", "Position", "Store", "open"]


def __getattr__(name: str) -> object:
    """Imports on first use, so that `import eventsrc` (and every command) starts at once."""
    if name in ("Store", "open"):
        from eventsrc import store

        return getattr(store, name)
    if name in ("Appended", "Event", "Position"):
        from eventsrc import event

        return getattr(event, name)
    raise AttributeError(f"module 'eventsrc' has no attribute {name!r}")
