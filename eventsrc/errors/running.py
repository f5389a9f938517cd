"""Errors of the service, of its surroundings and of the commands that reach it."""

from __future__ import annotations

from typing import Any

from eventsrc.errors.base import EventsrcError, TryAgain


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
