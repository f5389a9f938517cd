"""Loopback is not a fence: every web page in a browser on this machine may send requests here.

So the `Host` must be a name of this machine that no foreign DNS entry can take (against DNS rebinding), and a request
that a browser marks with an `Origin` must come from a page of this very service. Without this any page could push
events or read what agents did. On the Unix socket file permissions decide, and browsers do not reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventsrc.errors import NotAllowed
from eventsrc.http.answers import error_answer

LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)


class Guard:
    """ASGI middleware: refuses what comes from elsewhere, hardens and counts every answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, counted: Callable[[str, int], None]) -> None:
        """`hosts` are the names that may be asked for, without port; None lets every name pass (Unix socket).
        `counted(path, status)` is called once per answer."""
        self._app = app
        self._hosts = hosts
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            return

        started = False

        async def harden(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_HEADERS]
                self._counted(scope["path"], message["status"])
            await send(message)

        reason = None if self._hosts is None else refusal(Headers(scope=scope), self._hosts)
        app = self._app if reason is None else error_answer(NotAllowed(reason=reason))
        try:
            await app(scope, receive, harden)
        except BaseException:
            if not started:
                self._counted(scope["path"], 500)  # as the server answers for an application that failed
            raise


def refusal(headers: Headers, hosts: Collection[str]) -> str | None:
    """Why a request with these headers is refused; None when it is not. Pure."""
    host = headers.get("host", "").lower()
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name not in hosts:
        return f"this service does not answer under the host {name!r}"
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        return f"the request comes from another origin, {origin!r}"
    return None
