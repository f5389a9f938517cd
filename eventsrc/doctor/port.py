"""The TCP port that the service listens on, or would."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException

import msgspec
import psutil

from eventsrc.doctor.finding import Finding, ok, wrong
from eventsrc.doctor.scene import Scene
from eventsrc.limits import CONNECT_SECONDS


class Port(msgspec.Struct, frozen=True):
    """One address."""

    at: str
    """`--data DIR` for a command."""
    listen: str
    """HOST:PORT; empty: none is wanted."""
    taken: bool
    ours: bool
    """The service of this data directory answers on it."""
    holder: str
    """`name, pid N` where it can be known."""


def look(scene: Scene) -> Port:
    """Tries the address and asks who answers."""
    listen = scene.settings.http.listen
    host, _, number = listen.rpartition(":")
    if not listen or number == "0":
        return Port(scene.at, "", taken=False, ours=False, holder="")
    host = host.strip("[]")
    taken = _taken(host, int(number))
    ours = taken and _data_of(host, int(number)) == str(scene.data)
    return Port(scene.at, listen, taken, ours, _holder(int(number)) if taken and not ours else "")


def port(found: Port) -> Finding:
    """A port that somebody else holds keeps the service from starting, and lets agents tell a stranger."""
    if not found.listen:
        return ok("port", "none is wanted")
    if found.ours:
        return ok("port", f"this service answers on {found.listen}")
    if found.taken:
        host, _, number = found.listen.rpartition(":")
        mend = f"EVENTSRC_HTTP_LISTEN={host}:{int(number) + 1} eventsrc serve {found.at}"
        return wrong("port", f"{found.listen} is in use by {found.holder or 'another process'}", mend)
    return ok("port", f"{found.listen} is free")


def _taken(host: str, number: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service binds: not in the way is TIME_WAIT
        try:
            probe.bind((host, number))
        except OSError:
            return True
    return False


def _data_of(host: str, number: int) -> str:
    """The data directory of the eventsrc that answers; empty when something else does."""
    connection = HTTPConnection(host, number, timeout=CONNECT_SECONDS)
    try:
        connection.request("GET", "/v1/status")
        return str(json.loads(connection.getresponse().read()).get("data", ""))
    except (OSError, HTTPException, ValueError, AttributeError):
        return ""
    finally:
        connection.close()


def _holder(number: int) -> str:
    """Processes of other users may hide who they are."""
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == number and one.pid:
                return f"{psutil.Process(one.pid).name()}, pid {one.pid}"
    except psutil.Error:
        return ""
    return ""
