"""A request's body, read within bounds: bytes of one, bytes of all together, seconds."""

from __future__ import annotations

import anyio
from starlette.requests import Request

from eventsrc.errors import QueueFull, TooLarge
from eventsrc.http.answers import Refusal
from eventsrc.limits import BODY_BYTES, BODY_SECONDS, PUSH_BYTES


class Bodies:
    """Reads bodies and knows how much memory they take together."""

    def __init__(self, most: int = BODY_BYTES, most_together: int = PUSH_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._most = most
        self._most_together = most_together
        self._seconds = seconds
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The whole body. What is too large is refused as soon as that is known, so it never takes memory.

        Raises `TooLarge`, `QueueFull`, `Refusal` (408 too slow, 415 compressed), and Starlette's `ClientDisconnect`
        when the client left before the end.
        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "compressed bodies are not read here; send it as it is")
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._most:
            raise TooLarge(what="The body", size=int(announced), limit=self._most)
        body = bytearray()
        try:
            with anyio.fail_after(self._seconds):
                async for chunk in request.stream():
                    self._hold(len(chunk))
                    body += chunk
                    if len(body) > self._most:
                        raise TooLarge(what="The body", size=f"more than {self._most}", limit=self._most)
        except TimeoutError as error:
            raise Refusal(408, f"the body took longer than {self._seconds:g} seconds") from error
        finally:
            self._held -= len(body)
        return bytes(body)

    def _hold(self, size: int) -> None:
        if self._held + size > self._most_together:
            raise QueueFull(name="pushed bodies")
        self._held += size
