"""What is told of an agent that was launched, and its way into the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from eventsrc.clock import format_time
from eventsrc.errors import EventsrcError
from eventsrc.http import Client
from eventsrc.limits import LAUNCH_TELL_SECONDS

SOURCE = "urn:eventsrc:launch"
BATCH = "application/cloudevents-batch+json"


class Told:
    """Events of one launch, in order. What the recorder did not take is kept and told with the next."""

    def __init__(self, launch: str, recorder: Client, now: Callable[[], float] = time.time) -> None:
        """`launch` is the id that all of them share."""
        self._launch = launch
        self._recorder = recorder
        self._now = now
        self._waiting: list[dict[str, Any]] = []

    def tell(self, what: str, **facts: object) -> None:
        """One more event, `eventsrc.launch.<what>`; sent with what waits, as far as the recorder takes it."""
        self._waiting.append(
            {
                "specversion": "1.0",
                "id": f"{self._launch}/{what}",
                "source": SOURCE,
                "type": f"eventsrc.launch.{what}",
                "subject": f"launch/{self._launch}",
                "time": format_time(self._now()),
                "datacontenttype": "application/json",
                "data": facts,
            }
        )
        self.send()

    def send(self) -> str:
        """Sends what waits; the ids make a second attempt harmless. "" when all of it is durable, else the reason."""
        if not self._waiting:
            return ""
        body = json.dumps(self._waiting, separators=(",", ":")).encode()
        try:
            self._recorder.push("/v1/events", body, {"content-type": BATCH}, seconds=LAUNCH_TELL_SECONDS)
        except EventsrcError as error:
            return str(error)
        self._waiting.clear()
        return ""
