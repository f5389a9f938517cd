"""The root of the tree, and errors that any room can raise."""

from __future__ import annotations

from typing import Any, ClassVar


class EventsrcError(Exception):
    """Something went wrong."""

    hint: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(facts)

    def __str__(self) -> str:
        text = " ".join((type(self).__doc__ or "").split())
        return text.format_map(self.facts)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def advice(self) -> str:
        """What the person can do next, with the facts filled in; empty when there is nothing to say."""
        return self.hint.format_map(self.facts)


class UsageError(EventsrcError):
    """{reason}"""

    exit_code = 2


class ConfigError(EventsrcError):
    """The configuration {path} is wrong: {reason}"""

    hint = "Correct it, or see 'eventsrc config' for what is in force and where it comes from."
    exit_code = 2


class ExtraMissing(EventsrcError):
    """{what} needs the package {package}, which is not installed."""

    hint = "Install it: pip install 'eventsrc[{extra}]'"


class NotAllowed(EventsrcError):
    """Not allowed: {reason}"""

    exit_code = 4


class CannotWrite(EventsrcError):
    """Cannot write {path}: {reason}"""

    hint = "Give another place, or make this one writable; nothing was left behind, and nothing else is affected."


class AlreadyThere(EventsrcError):
    """{path} is there already."""

    hint = "Nothing was changed. Give another place, or --force to replace it."


class TryAgain(EventsrcError):
    """{reason}"""

    exit_code = 75


class DiskFull(TryAgain):
    """There is no room to write {path}: {reason}"""

    hint = "Free some space; what was accepted is kept, and writing goes on by itself when there is room."


class QueueFull(TryAgain):
    """The queue of {name} is full."""

    hint = "Send again after a moment; nothing of this request was stored."


class NotFound(EventsrcError):
    """There is no {what} {name}."""

    def advice(self) -> str:
        """What whoever raises it knows better (the fact `next`), e.g. which command lists the names there are."""
        return str(self.facts.get("next") or super().advice())


class NothingToAttach(NotFound):
    """There is no {what} whose id begins with {name}."""

    hint = "'eventsrc agents sessions' lists the sessions; the beginning of an id is enough."
