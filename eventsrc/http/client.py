"""Commands talk to the running service through its Unix socket. Blocking; imports only the standard library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from eventsrc.errors import EventsrcError, NotRunning, TryAgain
from eventsrc.http.unix import connect_unix

SECONDS = 10.0  # for an answer that comes at once; what takes longer is streamed with its own limit


class ServiceError(EventsrcError):
    """{error}"""

    def __init__(self, **facts: Any) -> None:
        """What the service answered instead: `error`, `status`, `hint`, `exit_code`, perhaps `index`."""
        super().__init__(**facts)
        self.exit_code = int(facts.get("exit_code", 1))  # type: ignore[misc]

    def advice(self) -> str:
        """What the service said that the person can do."""
        return str(self.facts.get("hint", ""))


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, seconds: float | None) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        self.sock = connect_unix(self._path, self._seconds)


class Client:
    """One service, found by its socket. Every call opens a connection of its own."""

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        self._path = path
        self._seconds = seconds

    def running(self) -> bool:
        """Whether somebody listens."""
        try:
            connect_unix(self._path, self._seconds).close()
        except OSError:
            return False
        return True

    def request(self, method: str, path: str, body: object = None, *, seconds: float | None = None) -> Any:
        """The JSON that the service answers. Raises `NotRunning`, `ServiceError`, `TryAgain` (it did not answer)."""
        with self._open(method, path, body, seconds or self._seconds) as response:
            return json.loads(response.read())

    def lines(self, method: str, path: str, body: object = None, *, seconds: float | None = None) -> Iterator[Any]:
        """The values of an NDJSON answer as they come; `seconds` bounds the wait for each, None does not.

        An error that the service tells in the middle is raised as `ServiceError`.
        """
        with self._open(method, path, body, seconds) as response:
            for line in response:
                value = json.loads(line)
                if isinstance(value, dict) and "error" in value and "exit_code" in value:
                    raise ServiceError(status=response.status, **value)
                yield value

    def events(self, path: str = "/v1/stream", *, seconds: float | None = None) -> Iterator[tuple[str, str, str]]:
        """A live stream as (event name, id, data); the name is "message" for the log's own events.

        Ends when the service does. `seconds` bounds the wait for the next line; the service sends one every
        `limits.STREAM_PING_SECONDS`.
        """
        with self._open("GET", path, None, seconds) as response:
            name, identity, data = "message", "", list[str]()
            for raw in response:
                field, _, value = raw.decode().rstrip("\n").partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    name = value
                elif field == "id":
                    identity = value
                elif field == "data":
                    data.append(value)
                elif field == "" and not value and data:
                    yield name, identity, "\n".join(data)
                    name, data = "message", []

    def push(self, path: str, body: bytes, headers: dict[str, str], *, seconds: float | None = None) -> Any:
        """Sends bytes as they are; the JSON that the service answers. Raises like `request`."""
        with self._open("POST", path, body, seconds or self._seconds, headers) as response:
            return json.loads(response.read())

    @contextmanager
    def _open(
        self, method: str, path: str, body: object, seconds: float | None, headers: dict[str, str] | None = None
    ) -> Iterator[HTTPResponse]:
        connection = _UnixConnection(self._path, seconds)
        try:
            payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(
                method, path, payload, headers or ({"content-type": "application/json"} if payload else {})
            )
            response = connection.getresponse()
            if response.status >= 400:
                raise _refused(response)
            yield response
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(path=self._path.parent) from error
        except (OSError, HTTPException) as error:
            raise TryAgain(reason=f"The service stopped answering: {error or type(error).__name__}") from error
        finally:
            connection.close()


def _refused(response: HTTPResponse) -> ServiceError:
    text = response.read().decode("utf-8", "replace")
    try:
        facts = json.loads(text)
    except ValueError:
        facts = {}
    if not isinstance(facts, dict) or "error" not in facts:
        facts = {"error": text or response.reason}
    return ServiceError(**{**facts, "status": response.status})
