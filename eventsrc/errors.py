"""Every error that eventsrc raises on purpose: one tree.

The docstring of a class is its message, with `{facts}` filled in from its attributes; `hint` says what to do next.
`exit_code` is what a command ends with. Errors of drivers (OSError, sqlite3.Error) are translated at the
boundary where they happen, with the cause kept (`raise … from error`).
"""

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


class NotRunning(EventsrcError):
    """No eventsrc service runs on {path}."""

    hint = "Start one with 'eventsrc serve --data {path}'."
    exit_code = 3


class HookSettings(EventsrcError):
    """{path} cannot be edited: {reason}"""

    hint = "Nothing was changed. Mend the file (the agent cannot read it either), or name another with --settings FILE."


class CannotListen(EventsrcError):
    """Cannot listen on {listen}: {reason}"""

    hint = "Give another address with --listen HOST:PORT or the setting http.listen; empty: only the Unix socket."


class EndpointUnusable(EventsrcError):
    """The ZeroMQ endpoint {endpoint} cannot be used: {reason}"""

    hint = "Name another one ([zmq] in the configuration; --xsub, --xpub of the broker), or end whoever uses it."


class ExtraMissing(EventsrcError):
    """{what} needs the package {package}, which is not installed."""

    hint = "Install it: pip install 'eventsrc[{extra}]'"


class NotAllowed(EventsrcError):
    """Not allowed: {reason}"""

    exit_code = 4


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


class CannotWrite(EventsrcError):
    """Cannot write {path}: {reason}"""

    hint = "Give another place, or make this one writable; nothing was left behind, and nothing else is affected."


class TryAgain(EventsrcError):
    """{reason}"""

    exit_code = 75


class RecorderFailed(EventsrcError):
    """The recorder did not start: {reason}"""

    hint = "See {log}; or start it yourself with 'eventsrc serve'. The agent was not run."


class CannotRun(EventsrcError):
    """Cannot run {command}: {reason}"""

    def __init__(self, exit_code: int, **facts: Any) -> None:
        """The exit code is the one that shells use: 127 when there is no such command, else 126."""
        super().__init__(**facts)
        self.exit_code = exit_code  # type: ignore[misc]


class NotDelivered(TryAgain):
    """The message was not delivered: {reason}"""

    hint = "Is a recorder running there? 'eventsrc status' tells. A larger queue or linger bridges a longer gap."


class DiskFull(TryAgain):
    """There is no room to write {path}: {reason}"""

    hint = "Free some space; what was accepted is kept, and writing goes on by itself when there is room."


class QueueFull(TryAgain):
    """The queue of {name} is full."""

    hint = "Send again after a moment; nothing of this request was stored."


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


class PoisonEvent(EventsrcError):
    """The event at position {position} could not be applied to {projection}: {reason}"""


class ReadModelBroken(EventsrcError):
    """The read model {name} cannot be used: {reason}"""

    hint = "Run 'eventsrc rebuild {name}': it is built again from the log."


class ReadModelDamaged(ReadModelBroken):
    """The read model {name} is damaged, outdated or does not belong to this log: {reason}"""

    hint = "It is built again from the log by itself; the log is untouched."


class ReadModelLocked(TryAgain):
    """The read model {name} is locked by another program: {reason}"""

    hint = "End the transaction that holds it; the log goes on, and the read model catches up by itself."


class RebuildRunning(LockHeld):
    """The read model {name} is already being written by {holder}."""

    hint = "Wait for it, or let the running service do it: 'eventsrc rebuild {name}' hands over by itself."


class FormatConflict(EventsrcError):
    """The formats {first} and {second} both claim {claim}."""

    hint = "Uninstall one of the two packages; nothing was read or changed."


class RebuildStopped(TryAgain):
    """The rebuild of {name} was stopped; the read model answers as before."""


class UnknownProjection(EventsrcError):
    """There is no read model named {name}; there are: {known}."""

    exit_code = 2


class ReadModelUnusable(EventsrcError):
    """The read model {name} is installed and cannot be used: {reason}"""

    hint = "Correct that; 'eventsrc config' shows what is set. The log and the other read models are not affected."


class QueryError(EventsrcError):
    """The question could not be answered: {reason}"""


class LoadFailed(EventsrcError):
    """The experiment {id} was not loaded: {reason}"""

    hint = "Nothing of it was changed in the database. A running service tries again; by hand: 'eventsrc load-db {id}'."


class CheckpointBroken(EventsrcError):
    """The checkpoint {id} cannot be used: {reason}"""

    hint = "'eventsrc checkpoint list' shows the others; every read model can also be rebuilt from the log."
    exit_code = 12


class CheckpointFailed(EventsrcError):
    """No checkpoint was made: {reason}"""

    hint = "Nothing else is affected: the log is whole, earlier checkpoints stay, and the next attempt starts anew."


class NotThisLog(EventsrcError):
    """The checkpoint {id} was not taken from this log: {reason}"""

    hint = "Restore it beside the log that it belongs to; the read models here can be rebuilt with 'eventsrc rebuild'."
    exit_code = 12


class NotFound(EventsrcError):
    """There is no {what} {name}."""


class NothingToAttach(NotFound):
    """There is no {what} whose id begins with {name}."""

    hint = "'eventsrc agents sessions' lists the sessions; the beginning of an id is enough."


class ActorFailed(EventsrcError):
    """The actor {name} failed {times} times within {seconds} seconds; the last time: {reason}"""

    hint = "The service stops so that its supervisor sees it; see the lines before this one for the cause."


class UnitsMissing(EventsrcError):
    """The unit files are not where this installation should have them: {path}"""

    hint = "Install eventsrc again from its wheel or its source."


class UnitForeign(EventsrcError):
    """{path} was not written by eventsrc and says something else; it stays as it is."""

    hint = "Move it aside and try again, or keep it and put changes into a drop-in with 'systemctl edit'."


class OutOfSight(EventsrcError):
    """The system service could not start {path}: it is denied everything in {folder}."""

    hint = (
        "Install eventsrc elsewhere, e.g. 'python3 -m venv /opt/eventsrc && /opt/eventsrc/bin/pip install eventsrc', "
        "or let it run as you: 'eventsrc service install --user'."
    )


class CommandFailed(EventsrcError):
    """'{command}' failed: {reason}"""

    hint = "Nothing after it was done; when its reason is gone, the same command goes on from here."


class NoSystemd(EventsrcError):
    """systemd does not run here."""

    hint = "'eventsrc serve' needs none; --root DIR writes the units for a machine or an image that has it."
