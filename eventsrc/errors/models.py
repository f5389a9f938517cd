"""Errors of read models, of questions to them, and of checkpoints."""

from __future__ import annotations

from eventsrc.errors.base import EventsrcError, TryAgain
from eventsrc.errors.log import LockHeld


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


class ReadModelsInUse(LockHeld):
    """A service ({holder}) keeps the read models in {path} up to date, so they cannot be put back under it."""

    hint = (
        "Stop it (Ctrl-C, 'systemctl stop eventsrc', or SIGTERM), run 'eventsrc checkpoint restore {name}', and start "
        "it again. A read model that is wrong is built anew beside it by 'eventsrc rebuild NAME'; to go on from the "
        "checkpoint instead, 'eventsrc recover --load {name}' needs no stop."
    )


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
