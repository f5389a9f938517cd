"""A request's body, read within bounds: bytes of one, bytes of all together, seconds."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

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

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. What is too large is refused as soon as that is known, so it never takes memory.

        Raises `TooLarge`, `QueueFull`, `Refusal` (408 too slow, 415 compressed), and Starlette's `ClientDisconnect`
        when the client left before the end.
        """
        for name, value in scope["headers"]:
            if name == b"content-encoding" and value.lower() != b"identity":
                raise Refusal(415, "compressed bodies are not read here; send it as it is")
            if name == b"content-length" and value.isdigit() and int(value) > self._most:
                raise TooLarge(what="The body", size=int(value), limit=self._most)
        held = 0
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    self._hold(len(chunk))
                    held += len(chunk)
                    chunks.append(chunk)
                    if held > self._most:
                        raise TooLarge(what="The body", size=f"more than {self._most}", limit=self._most)
        except TimeoutError as error:
            raise Refusal(408, f"the body took longer than {self._seconds:g} seconds") from error
        finally:
            self._held -= held
        return b"".join(chunks)

    def _hold(self, size: int) -> None:
        if self._held + size > self._most_together:
            raise QueueFull(name="pushed bodies")
        self._held += size
