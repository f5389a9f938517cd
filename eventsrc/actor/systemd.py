"""What a service says to systemd, and what it takes over from it. Each of these does nothing where systemd is not.

The protocols are a few lines each and stable: sd_notify(3) and sd_listen_fds(3).
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

import msgspec

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

_FIRST_FD = 3  # after stdin, stdout, stderr: fixed by the protocol


def status(text: str) -> str:
    """One line for `systemctl status`."""
    return "STATUS=" + " ".join(text.split())


def extend_timeout(seconds: float) -> str:
    """Asks for so much more time from now, while a long recovery or a drain goes on."""
    return f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}"


@contextmanager
def more_time(seconds: float, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Asks for so much more time again and again inside the `with`: for work whose end nobody knows, on any thread."""
    done = threading.Event()

    def ask() -> None:
        while notify(extend_timeout(seconds), environ=environ) and not done.wait(seconds / 3):
            pass

    asking = threading.Thread(target=ask, name="more time", daemon=True)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()


def notify(*assignments: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Sends e.g. `READY, status("…")` in one datagram. True when sent; False without systemd, or when it is not there.

    Never blocks and never raises: a service must not die because nobody listens to how it feels.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    target = "\0" + address[1:] if address[0] == "@" else address  # "@" = abstract name, not a file
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(assignments).encode(), target)
    except OSError:
        return False
    return True


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """How often systemd wants to hear `WATCHDOG` at the latest; None when it does not, or not from this process."""
    try:
        seconds = int(environ.get("WATCHDOG_USEC", "")) / 1_000_000
    except ValueError:
        return None
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or seconds <= 0:
        return None
    return seconds


class Listening(msgspec.Struct, frozen=True):
    """A listening socket that systemd opened and that outlives a restart of the service."""

    fd: int
    name: str
    """`FileDescriptorName=` of the socket unit; "" when it has none."""


def listen_fds(environ: MutableMapping[str, str] = os.environ) -> tuple[Listening, ...]:
    """The sockets handed over, in the order of the unit; empty without socket activation.

    Call it once, early: the variables are removed and the sockets made close-on-exec, so that child processes do not
    take them for theirs.
    """
    pid, count, names = (environ.pop(key, "") for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()) or not count.isdigit():
        return ()
    labels = names.split(":") if names else []
    labels += [""] * int(count)
    handed = tuple(Listening(_FIRST_FD + number, labels[number]) for number in range(int(count)))
    for listening in handed:
        os.set_inheritable(listening.fd, False)
    return handed
