"""Records from standard input, one a line. It cannot be read again, so there is no cursor: what was handed over and
made durable is recorded, and the rest is still with the producer.

The end of the input ends the last line too: nobody will ever complete it, so it is recorded as it is.
"""

from __future__ import annotations

import base64
import hashlib
import os
import select
import stat

import anyio
import anyio.to_thread

from eventsrc.actor import Ticket
from eventsrc.event import Appended, Record
from eventsrc.limits import BATCH_BYTES, CATCHUP_EVENTS, RECORD_BYTES, RECORD_HEAD_BYTES
from eventsrc.source.notice import notice
from eventsrc.source.port import Deliver, Report, SourcePosition

WAIT_SECONDS = 0.1
"""How long a thread waits for input before it looks whether it was cancelled."""


class Stdin:
    """Reads descriptor `fd` to its end. `run_id` makes the ids of this run unique; give the same one to send the same
    input again and have what is already recorded recognised."""

    kind = "stdin"
    name = "stdin"

    def __init__(self, run_id: str, fd: int = 0) -> None:
        self._fd = fd
        self._key = f"stdin:{run_id}"
        self._limiter = anyio.CapacityLimiter(1)
        self.report = Report(files=1)
        self._waits = not stat.S_ISREG(os.fstat(fd).st_mode)

    def positions(self) -> list[SourcePosition]:
        return [SourcePosition(self.kind, self.name, None, 0)]

    async def run(self, deliver: Deliver) -> None:
        """Hands everything over and returns when all of it is durable."""
        lines = _Lines(self._key)
        tickets: list[Ticket[Appended]] = []
        while data := await self._read():
            await self._hand_over(lines.take(data), deliver, tickets)
        await self._hand_over(lines.end(), deliver, tickets)
        for ticket in tickets:
            await ticket.wait()
        self.report.blank, self.report.oversize, self.report.bytes = lines.blank, lines.oversize, lines.offset

    async def _hand_over(self, records: list[Record], deliver: Deliver, tickets: list[Ticket[Appended]]) -> None:
        for first in range(0, len(records), CATCHUP_EVENTS):
            batch = records[first : first + CATCHUP_EVENTS]
            tickets.append(await deliver(batch))
            self.report.read += len(batch)
        while tickets and tickets[0].done:
            await tickets.pop(0).wait()  # raises what went wrong, before more is read

    async def _read(self) -> bytes:
        while True:
            data = await anyio.to_thread.run_sync(self._wait_and_read, limiter=self._limiter)
            if data is not None:
                return data

    def _wait_and_read(self) -> bytes | None:
        if self._waits and not select.select([self._fd], [], [], WAIT_SECONDS)[0]:
            return None
        return os.read(self._fd, BATCH_BYTES)


class _Lines:
    """Pieces of input → records. Holds one unfinished line, of which no more than RECORD_BYTES are kept."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._parts: list[bytes] = []
        self._held = 0
        self._hash: hashlib._Hash | None = None
        """Set while the line is beyond the limit; then only its head is kept."""
        self.offset = 0
        """Where the unfinished line begins in the input."""
        self.blank = 0
        self.oversize = 0

    def take(self, data: bytes) -> list[Record]:
        """The records that this piece completes."""
        lines = data.split(b"\n")
        records: list[Record] = []
        for line in lines[:-1]:
            self._hold(line)
            self._finish(records, 1)
        self._hold(lines[-1])
        return records

    def end(self) -> list[Record]:
        """The last line, when it did not end with a line feed."""
        records: list[Record] = []
        if self._held:
            self._finish(records, 0)
        return records

    def _hold(self, part: bytes) -> None:
        self._held += len(part)
        if self._hash is not None:
            self._hash.update(part)
            return
        self._parts.append(part)
        if self._held > RECORD_BYTES:
            whole = b"".join(self._parts)
            self._hash, self._parts = hashlib.sha256(whole), [whole[:RECORD_HEAD_BYTES]]

    def _finish(self, records: list[Record], ending: int) -> None:
        line, length, start = b"".join(self._parts), self._held, self.offset
        if self._hash is not None:
            self.oversize += 1
            records.append(self._stub(line, length, start, self._hash.hexdigest()))
        elif line.strip(b"\r"):
            records.append(Record("stdin:", line, f"{self._key}:{start}", unique=True))
        else:
            self.blank += 1
        self.offset += length + ending
        self._parts, self._held, self._hash = [], 0, None

    def _stub(self, head: bytes, length: int, start: int, sha256: str) -> Record:
        text = base64.b64encode(head).decode()
        return notice(
            "oversize",
            "/dev/stdin",
            f"{self._key}:{start}",
            offset=start,
            length=length,
            sha256=sha256,
            head_base64=text,
        )
