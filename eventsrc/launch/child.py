"""The agent as a child process: it has the terminal, and gets every signal that we get."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from eventsrc.errors import CannotRun

PASSED_ON = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
}
"""What a terminal sends besides (window size, stop, continue) reaches the child without us: we share its group."""


def run_child(command: Sequence[str], environment: Mapping[str, str], started: Callable[[int], None]) -> int:
    """Runs a command to its end; returns its exit code, negative for the signal that ended it.

    `started` is told the pid, once. Raises CannotRun when there is no such command. Only for a main thread."""
    waited = PASSED_ON | {signal.SIGCHLD}
    # Blocked from before the start, so that none is lost between two looks: `sigwait` takes them one by one.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    handler = signal.signal(signal.SIGCHLD, _heard)  # a signal that is ignored would not wake us
    try:
        process = _start(command, environment, before)
        started(process.pid)
        while process.poll() is None:
            number, from_terminal = _next(waited)
            if number in PASSED_ON and not from_terminal:
                process.send_signal(number)
        return process.returncode
    finally:
        signal.signal(signal.SIGCHLD, handler)
        _forget(waited)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    command: Sequence[str], environment: Mapping[str, str], mask: set[signal.Signals | int]
) -> subprocess.Popen[bytes]:
    try:
        # Between fork and exec, which is safe here: a launcher has no threads.
        return subprocess.Popen(
            command, env=environment, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        )
    except FileNotFoundError as error:
        raise CannotRun(127, command=command[0], reason="there is no such command") from error
    except OSError as error:
        raise CannotRun(126, command=command[0], reason=error.strerror or str(error)) from error


def _next(waited: set[signal.Signals]) -> tuple[int, bool]:
    """The next signal, and whether the terminal sent it: then the child has it already, as it is in our group."""
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(waited)
        return info.si_signo, info.si_code > 0  # the kernel's own; what a process sends is 0 or below
    number = signal.sigwait(waited)
    return number, number in (signal.SIGINT, signal.SIGQUIT) and os.isatty(0)


def _forget(waited: set[signal.Signals]) -> None:
    """What came in the child's last moment was meant for it, not for us."""
    while pending := signal.sigpending() & waited:
        signal.sigwait(pending)


def _heard(_number: int, _frame: object) -> None:
    """Never called: it is blocked while it counts."""
