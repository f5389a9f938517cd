"""Errors of the log and of what is to be recorded."""

from __future__ import annotations

from eventsrc.errors.base import EventsrcError


class NoStore(EventsrcError):
    """There is no event store in {path}."""

    hint = "'eventsrc serve' or 'eventsrc ingest' makes one; --data DIR or EVENTSRC_DATA names another place."
    exit_code = 10


class LockHeld(EventsrcError):
    """The log in {path} is already being written by {holder}."""

    hint = "Stop that process first, or work beside it: commands hand over to a running service by themselves."
    exit_code = 11


class LogCorrupt(EventsrcError):
    """The log is damaged: segment {segment}, line {line}, byte {byte}: {detail}"""

    hint = (
        "Nothing was changed. Run 'eventsrc verify' for the whole list; then put the segment back from a backup, "
        "or move the damaged data directory aside and start a new one."
    )
    exit_code = 12


class LogUnreadable(EventsrcError):
    """The log cannot be read: {path}: {reason}"""

    hint = "Nothing was changed. Let this user read the data directory, or check the disk, and try again."
    exit_code = 4


class BrokenLine(EventsrcError):
    """The line is damaged: {detail}"""

    exit_code = 12


class IncompatibleSchema(EventsrcError):
    """{path} was written by a newer or unknown version ({found}); this version knows {known}."""

    hint = "Upgrade eventsrc, or delete the read model: it is built again from the log."
    exit_code = 13


class LogFailed(EventsrcError):
    """A durable operation failed ({operation} on {path}: {reason}); nothing more is written by this process."""

    hint = "Check the disk, then start again: what was acknowledged is verified while opening."
    exit_code = 1


class Rejected(EventsrcError):
    """The record was refused: {reason}"""


class TooLarge(Rejected):
    """{what} has {size} bytes; the limit is {limit}."""


class WrongRevision(EventsrcError):
    """Stream {stream} is at revision {actual}, not at {expected}."""

    hint = "Read the stream again and decide anew."


class IdConflict(EventsrcError):
    """The id {id} of source {source} was already used for other data, at position {position}."""

    hint = "Give every event an id of its own; the same id is only for sending the same event again."


class FormatConflict(EventsrcError):
    """The formats {first} and {second} both claim {claim}."""

    hint = "Uninstall one of the two packages; nothing was read or changed."
