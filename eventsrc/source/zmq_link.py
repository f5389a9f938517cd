"""One socket and what waits behind it: receives, watches the connections, tells what is lost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import anyio
import msgspec

from eventsrc import limits
from eventsrc.source.port import Cursors
from eventsrc.source.zmq_frames import payload_of, record_of, told
from eventsrc.source.zmq_intake import Intake
from eventsrc.source.zmq_sequence import Sequences, number_of
from eventsrc.source.zmq_socket import Inlet, Message


class Counts(msgspec.Struct):
    """Of one socket, since it was opened. Only grows."""

    messages: int = 0
    """Received, whatever became of them."""
    refused: int = 0
    """Too large: a stub was recorded."""
    overflowed: int = 0
    """Received and let go, because the log was too slow for a publisher that cannot wait."""
    missing: int = 0
    """Numbered by their sender and never received."""


class Link:
    """Everything of one socket but the way into the log."""

    def __init__(self, inlet: Inlet, run_id: str, cursors: Cursors) -> None:
        """`run_id` makes the ids of this run unique: what is received twice was said or observed twice."""
        self.inlet = inlet
        self.intake = Intake()
        self.counts = Counts()
        self._sequences = Sequences(cursors)
        self._prefix = f"{run_id}:{inlet.kind}"
        self._number = itertools.count(1)

    async def run(self, stopping: anyio.Event) -> None:
        """Receives until `stopping`, then what was sent before that; closes the intake behind it."""
        self._tell("listening")
        async with anyio.create_task_group() as group:
            group.start_soon(self._receive)
            group.start_soon(self._watch)
            await stopping.wait()
            group.cancel_scope.cancel()
        await self._drain()
        self.tell_overflow()
        self._tell("closed", **msgspec.structs.asdict(self.counts))
        self.intake.close()

    def take(self, messages: Sequence[Message]) -> None:
        """Received messages → records that wait. Does not wait itself."""
        for frames in messages:
            self.counts.messages += 1
            number = number_of(payload_of(frames))
            if number is not None and (missing := self._sequences.missing(number)) is not None:
                self.counts.missing += missing.count
                facts = msgspec.structs.asdict(missing)
                self._tell("gap", reason="numbers of a sender are missing", messages=missing.count, **facts)
            record = record_of(frames, self.inlet.uri, self._id(), number.cursor if number is not None else None)
            self.counts.refused += record.envelope is not None
            self.counts.overflowed += not self.intake.put(record, beyond=self.inlet.patient)

    def tell_overflow(self) -> None:
        """Tells what found no room, as soon as there is some: exactly where it is missing."""
        overflow = self.intake.forget_overflow()
        if overflow.messages:
            self._tell("gap", reason="the log was too slow", messages=overflow.messages, bytes=overflow.bytes)

    async def _receive(self) -> None:
        while True:
            if self.inlet.patient:
                await self.intake.room()  # what is not received stays with the senders, who then wait
            self.take(await self.inlet.messages())

    async def _watch(self) -> None:
        peers = self.inlet.peers
        while True:
            for seen, fd in await self.inlet.changes():
                change = peers.take(seen, fd)
                if change is not None:
                    self._tell(change.kind, connection=change.connection, connections=change.connections)
            if peers.refused:
                peers.refused = False
                await anyio.sleep(limits.ZMQ_RECONNECT_MOST_MS / 1000)
                self.inlet.connect_again()

    async def _drain(self) -> None:
        """What was sent before the stop is on its way; ZeroMQ does not say when the last of it came, a pause does. The
        socket stays bound meanwhile: libzmq ends the connections together with the binding."""
        with anyio.move_on_after(limits.ZMQ_STOP_SECONDS):
            while True:
                if self.inlet.patient:
                    await self.intake.room()
                with anyio.move_on_after(limits.ZMQ_QUIET_SECONDS):
                    self.take(await self.inlet.messages())
                    continue
                return

    def _tell(self, kind: str, **facts: str | int | None) -> None:
        about: dict[str, str | int | None] = {"socket": self.inlet.kind, "endpoint": self.inlet.endpoint}
        self.intake.put(told(self.inlet.uri, self._id(), f"eventsrc.zmq.{kind}", **about, **facts))

    def _id(self) -> str:
        return f"{self._prefix}:{next(self._number)}"
