"""What a group of failures was about."""

from __future__ import annotations

from eventsrc.errors import ActorFailed, EventsrcError


def what_it_was(group: BaseExceptionGroup[EventsrcError]) -> EventsrcError:
    """What an actor died of says more than that it died, and more than that somebody waited for it."""
    found: list[EventsrcError] = []
    rest: list[BaseException] = [group]
    while rest:
        error = rest.pop()
        if isinstance(error, BaseExceptionGroup):
            rest += error.exceptions
        elif isinstance(error, ActorFailed) and isinstance(error.__cause__, EventsrcError):
            found.insert(0, error.__cause__)
        elif isinstance(error, EventsrcError):
            found.append(error)
    return found[0]
